//! The record's short constructors, one for each usual kind, and the settings that reach more than one member.

use super::{
    Action, Agent, Decision, Definition, ErrorDetail, Handoff, Heartbeat, HeartbeatState, Human, Json, Kind, Model,
    Outcome, Receiver, Record, Review, Status, Tool, Verdict,
};

/// Constructors. An agent is its name or an [`Agent`]; so are tools, models, decisions, actions, humans and receivers.
impl Record {
    /// The agent decided something.
    pub fn decision(agent: impl Into<Agent>, decision: impl Into<Decision>) -> Self {
        Self::new(agent, Kind::Decision).with_decision(decision)
    }

    /// The agent called a model.
    pub fn model_call(agent: impl Into<Agent>, model: impl Into<Model>) -> Self {
        Self::new(agent, Kind::ModelCall).model(model)
    }

    /// The agent called a tool.
    pub fn tool_call(agent: impl Into<Agent>, tool: impl Into<Tool>) -> Self {
        Self::new(agent, Kind::ToolCall).tool(tool)
    }

    /// The agent looked something up; what it found is added by `retrieved`.
    pub fn retrieval(agent: impl Into<Agent>) -> Self {
        Self::new(agent, Kind::Retrieval)
    }

    /// A message came to the agent (`input`) or went out from it (`output`).
    pub fn message(agent: impl Into<Agent>) -> Self {
        Self::new(agent, Kind::Message)
    }

    /// The agent did something in the world.
    pub fn action(agent: impl Into<Agent>, action: impl Into<Action>) -> Self {
        Self::new(agent, Kind::Action).with_action(action)
    }

    /// The agent raised the matter to someone with more say.
    pub fn escalation(agent: impl Into<Agent>, to: impl Into<Receiver>) -> Self {
        Self::new(agent, Kind::Escalation).with_handoff(Handoff::new(to))
    }

    /// The agent handed the matter on.
    pub fn handoff(agent: impl Into<Agent>, to: impl Into<Receiver>) -> Self {
        Self::new(agent, Kind::Handoff).with_handoff(Handoff::new(to))
    }

    /// The agent asked a human; what the human did is part of [`Human`].
    pub fn approval(agent: impl Into<Agent>, human: impl Into<Human>) -> Self {
        Self::new(agent, Kind::Approval).human(human)
    }

    /// An earlier record of the agent was judged; `link` says which one.
    pub fn review(agent: impl Into<Agent>, verdict: Verdict) -> Self {
        Self::new(agent, Kind::Review).with_review(Review::new().verdict(verdict))
    }

    /// The agent failed.
    pub fn error(agent: impl Into<Agent>, message: impl Into<String>) -> Self {
        let error = ErrorDetail::new().message(message);
        Self::new(agent, Kind::Error).outcome(Outcome::new(Status::Failure).error(error))
    }

    /// The agent's source gave a sign of life.
    pub fn heartbeat(agent: impl Into<Agent>, state: HeartbeatState) -> Self {
        Self::new(agent, Kind::Heartbeat).with_heartbeat(Heartbeat::new().state(state))
    }

    /// The text behind a digest that the agent's records name.
    pub fn definition(agent: impl Into<Agent>, definition: Definition) -> Self {
        Self::new(agent, Kind::Definition).with_definition(definition)
    }
}

/// Short cuts.
impl Record {
    /// When it started: the same as `time`.
    #[must_use]
    pub fn at(self, time: impl Into<String>) -> Self {
        self.time(time)
    }

    /// It failed, by this class of error with this message; the outcome's detail stays.
    #[must_use]
    pub fn failed(mut self, error_type: impl Into<String>, message: impl Into<String>) -> Self {
        let error = ErrorDetail::new().type_(error_type).message(message);
        let outcome = self.outcome.take().unwrap_or_else(|| Outcome::new(Status::Failure));
        self.outcome(outcome.status(Status::Failure).error(error))
    }

    /// Sets one member of `attributes`.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.attributes.get_or_insert_default().set(name, value);
        self
    }

    /// The record as JSON: what `append` takes. Minified, in the table's order; floats that are not finite become
    /// `null`, which counts as absent; what came by [`Json::raw`] is as it was.
    pub fn to_json(&self) -> String {
        // So long are most, and nothing is copied while it grows.
        let mut text = Vec::with_capacity(1024);
        // Nothing in it can fail to be written. If it did, the log would refuse the empty text rather than store it.
        let written = serde_json::to_writer(&mut text, self);
        written
            .ok()
            .and_then(|()| String::from_utf8(text).ok())
            .unwrap_or_default()
    }
}

//! Short ways to make what a record holds: from its name alone, or with its type in the constructor's name.

use super::{
    Action, Agent, Condition, ContextItem, Decision, Definition, DefinitionType, Human, Model, OnBehalfOf, Outcome,
    Policy, Principal, Prompt, Receiver, ReceiverType, Recipient, Role, Status, Tool,
};

/// An object from the one member that names it.
macro_rules! from_name {
    ($($type:ident by $make:expr;)*) => {$(
        impl From<&str> for $type {
            fn from(name: &str) -> Self {
                $make(name.to_owned())
            }
        }

        impl From<String> for $type {
            fn from(name: String) -> Self {
                $make(name)
            }
        }
    )*};
}

from_name! {
    Agent by Agent::new;
    Tool by Tool::new;
    Policy by Policy::new;
    Condition by Condition::new;
    Decision by Decision::new;
    Action by Action::new;
    Model by |name| Model::new().name(name);
    Prompt by |id| Prompt::new().id(id);
    Human by |id| Human::new().id(id);
    Receiver by |id| Receiver::new().id(id);
}

impl From<Status> for Outcome {
    fn from(status: Status) -> Self {
        Self::new(status)
    }
}

/// Constructors that say the type.
macro_rules! of_type {
    ($($type:ident { $( $(#[doc = $doc:literal])* $name:ident $variant:path; )* })*) => {$(
        impl $type {
            $(
                $(#[doc = $doc])*
                pub fn $name(id: impl Into<String>) -> Self {
                    Self::new().type_($variant).id(id)
                }
            )*
        }
    )*};
}

of_type! {
    OnBehalfOf {
        /// For a person who uses the agent.
        user Principal::User;
        /// For another agent.
        agent Principal::Agent;
        /// For a service.
        service Principal::Service;
        /// For a schedule.
        schedule Principal::Schedule;
    }
    Receiver {
        /// To another agent.
        agent ReceiverType::Agent;
        /// To a human.
        human ReceiverType::Human;
        /// To a team.
        team ReceiverType::Team;
        /// To a queue.
        queue ReceiverType::Queue;
    }
}

impl Recipient {
    /// Addressed.
    pub fn to(id: impl Into<String>) -> Self {
        Self::new().id(id).role(Role::To)
    }

    /// In copy.
    pub fn cc(id: impl Into<String>) -> Self {
        Self::new().id(id).role(Role::Cc)
    }
}

impl ContextItem {
    /// Something found in a system.
    pub fn from_system(system: impl Into<String>, resource: impl Into<String>) -> Self {
        Self::new().system(system).resource(resource)
    }
}

impl Definition {
    /// The text of a prompt's template.
    pub fn prompt(id: impl Into<String>, digest: impl Into<String>) -> Self {
        Self::new(id, digest).type_(DefinitionType::Prompt)
    }

    /// The text of a policy.
    pub fn policy(id: impl Into<String>, digest: impl Into<String>) -> Self {
        Self::new(id, digest).type_(DefinitionType::Policy)
    }

    /// The description of a tool.
    pub fn tool(id: impl Into<String>, digest: impl Into<String>) -> Self {
        Self::new(id, digest).type_(DefinitionType::Tool)
    }
}

//! Whose conversation a line belongs to, and what is above it there.

use super::super::course::Stamp;
use super::super::line::{Line, is_true, object_in, said, texts};
use super::super::message::Message;
use super::ClaudeCode;
use crate::ingest::raw::Object;
use crate::ingest::word;

/// One conversation: the person's with the agent, or the agent's with a sub-agent.
#[derive(Debug, Default)]
pub(super) struct Strand {
    pub(super) agent: String,
    /// What came from one prompt.
    pub(super) correlation: String,
    /// The record from which its first line came.
    above: Option<String>,
    pub(super) is_sub: bool,
    /// The answer that may go on.
    pub(super) message: Option<Message>,
    /// The calls that were made in it; some have their results already.
    pub(super) calls: Vec<String>,
}

/// What a line tells about itself.
pub(super) struct Place {
    pub(super) strand: usize,
    pub(super) uuid: String,
    pub(super) stamp: Stamp,
}

impl Strand {
    pub(super) fn of(agent: &str) -> Self {
        Strand {
            agent: agent.to_owned(),
            ..Strand::default()
        }
    }
}

impl ClaudeCode {
    /// Where the line stands.
    pub(super) fn place(&mut self, line: &Line) -> Place {
        let members = &line.members;
        let uuid = said(members, "uuid").unwrap_or_else(|| self.course.place(line));
        let names = ["parentUuid", "logicalParentUuid"];
        let above = names.into_iter().find_map(|name| said(members, name));
        let above = above.and_then(|above| self.known.get(&above).cloned());
        let is_main = members.get("isSidechain").is_some_and(|is| is.get() == "false");
        let number = match (said(members, "agentId"), &above) {
            _ if is_main => 0,
            (Some(agent), _) => self.strand_of(&agent, members),
            (None, Some((_, strand))) => *strand,
            (None, None) if is_true(members, "isSidechain") => self.side_strand(members),
            (None, None) => 0,
        };
        let prompt = members.text("promptId").as_deref().and_then(word);
        let (mut agent, mut correlation, mut parent) = (String::new(), String::new(), None);
        if let Some(strand) = self.strands.get_mut(number) {
            if let Some(prompt) = prompt {
                strand.correlation = prompt;
            }
            agent.clone_from(&strand.agent);
            correlation.clone_from(&strand.correlation);
            parent = above.map(|(record, _)| record).or_else(|| strand.above.clone());
        }
        let stamp = self.course.stamp(&agent, &correlation, parent);
        Place {
            strand: number,
            uuid,
            stamp,
        }
    }

    /// A sub-agent's name.
    pub(super) fn sub_agent(&self, named: Option<&str>) -> String {
        let name = format!("{}/{}", self.course.agent, named.unwrap_or("sub-agent"));
        word(&name).unwrap_or_default()
    }

    /// The strand of a sub-agent that is known by its id.
    fn strand_of(&mut self, agent: &str, members: &Object) -> usize {
        if let Some(strand) = self.by_agent.get(agent) {
            return *strand;
        }
        let names = ["agentType", "agentName"];
        let named = names.into_iter().find_map(|name| said(members, name));
        let name = self.sub_agent(named.as_deref());
        // Where the sub-agent was made stands in another file, under the same id.
        let above = self.course.id(&["agent", agent]);
        let strand = self.add_strand(name, Some(above), agent);
        self.by_agent.insert(agent.to_owned(), strand);
        strand
    }

    /// The strand of a sub-agent without an id: it came from the open call with the same prompt.
    fn side_strand(&mut self, members: &Object) -> usize {
        let prompt = object_in(members, "message").and_then(|message| texts(message.get("content")?));
        let call = prompt.and_then(|prompt| self.handed.get(&blake3::hash(prompt.as_bytes())));
        let found = call.and_then(|call| self.calls.get(call));
        let found = found.and_then(|call| Some((call.id.clone(), call.to.clone()?.0)));
        match found {
            Some((id, agent)) => self.add_strand(agent, Some(id.clone()), &id),
            None => {
                let number = self.strands.len().to_string();
                self.add_strand(self.sub_agent(None), None, &number)
            }
        }
    }

    fn add_strand(&mut self, agent: String, above: Option<String>, name: &str) -> usize {
        self.strands.push(Strand {
            agent,
            correlation: word(&format!("{}/{name}", self.course.session)).unwrap_or_default(),
            above,
            is_sub: true,
            ..Strand::default()
        });
        self.strands.len() - 1
    }
}

//! The walk over one stored record.

use super::attribute::each_attribute;
use super::fields::FieldId;
use super::loose::{each_text, each_text_of_string};
use super::plan::{Holds, Member, Plan, plan};
use super::value::{EXACT_LIMIT, Value, value};
use crate::record::line::read_head;
use crate::record::scan::DEPTH_LIMIT;
use crate::record::text::string_value;
use crate::record::walk::{Children, children, members};
use std::borrow::Cow;

/// Takes what of a record can be found. Everything comes in the order in which it stands in the record; a value of a
/// list's every element, also if it came before.
pub(crate) trait Sink {
    /// A value of a field.
    fn field(&mut self, field: FieldId, value: Value<'_>);

    /// A term of the user's own attributes, as [`super::attribute_term`] makes it.
    fn attribute(&mut self, term: &str);

    /// One value's text, for [`super::words`]. Words of two values do not stand together.
    fn text(&mut self, text: &str);

    /// The text of a field that was handed out as such, whole.
    fn text_of(&mut self, _field: FieldId, text: &str) {
        self.text(text);
    }

    /// Whether texts are wanted; they are most of the work.
    fn wants_text(&self) -> bool {
        true
    }

    /// Whether attributes are wanted.
    fn wants_attributes(&self) -> bool {
        true
    }
}

/// Hands out what can be found of a stored line; of one whose values were moved out only what is left in it. Says
/// whether there is anything to find: pieces of another record (kind `part`) and lines that the log did not write have
/// nothing.
pub(crate) fn extract(line: &[u8], sink: &mut impl Sink) -> bool {
    let Some(head) = read_head(line) else { return false };
    let members = line.get(head.members).unwrap_or_default();
    extract_whole(line, members, sink)
}

/// The same for a record whose members were put together from its parts (see `Files::whole_members`): the log's members
/// come from the line, the caller's from there.
pub(crate) fn extract_whole(line: &[u8], whole: &[u8], sink: &mut impl Sink) -> bool {
    let Some(head) = read_head(line) else { return false };
    if is_part(line.get(head.members.clone()).unwrap_or_default()) {
        return false;
    }
    let plan = plan();
    let mut walk = Walk {
        plan,
        sink,
        words: false,
    };
    let front = line.get(1..head.members.start).unwrap_or_default();
    walk.object(front, members(front), &[plan.log], 0);
    walk.words = walk.sink.wants_text();
    walk.object(whole, members(whole), &[plan.record, plan.log_kinds], 0);
    true
}

/// Whether a record with these members is a piece of another one. Only the log writes records that begin like this, and
/// it writes them in this way.
fn is_part(members: &[u8]) -> bool {
    members.starts_with(br#""agent":{"id":"auditdb"},"kind":"part","#)
}

struct Walk<'s, S> {
    plan: &'static Plan,
    sink: &'s mut S,
    words: bool,
}

impl<S: Sink> Walk<'_, S> {
    /// The members of an object, which are those of the first of these nodes that knows them.
    fn object(&mut self, text: &[u8], children: Children<'_>, nodes: &[usize], depth: usize) {
        let mut from = 0;
        for child in children {
            let name = text.get(child.name).unwrap_or_default();
            let name = match memchr::memchr(b'\\', name) {
                None => Cow::Borrowed(name),
                Some(_) => Cow::Owned(string_value(name).into_owned().into_bytes()),
            };
            let raw = text.get(child.value).unwrap_or_default();
            let known = nodes
                .iter()
                .filter_map(|node| self.plan.node(*node))
                .find_map(|node| node.member(&name, from));
            match known {
                Some((place, member)) => {
                    from = place + 1;
                    self.member(raw, member, depth);
                }
                None => self.loose(raw),
            }
        }
    }

    fn member(&mut self, raw: &[u8], member: Member, depth: usize) {
        match (raw, member.holds) {
            (b"null", _) => {}
            (_, Holds::Attributes) => {
                if self.sink.wants_attributes() {
                    each_attribute(raw, &mut |term| self.sink.attribute(term));
                }
                self.loose(raw);
            }
            (_, Holds::Loose) => {
                self.field(raw, member, depth);
                self.loose(raw);
            }
            ([b'[', ..], _) if depth < DEPTH_LIMIT => {
                for child in children(raw, 0) {
                    self.member(raw.get(child.value).unwrap_or_default(), member, depth + 1);
                }
            }
            ([b'{', ..], Holds::Object(node)) if depth < DEPTH_LIMIT => {
                self.object(raw, children(raw, 0), &[node], depth + 1);
            }
            ([b'"', inner @ .., b'"'], Holds::Text) => {
                self.field(raw, member, depth);
                if self.words {
                    each_text_of_string(inner, &mut |text, whole| match member.field {
                        Some(field) if whole && text.len() <= EXACT_LIMIT => self.sink.text_of(field, text),
                        _ => self.sink.text(text),
                    });
                }
            }
            (_, Holds::Bare) => self.field(raw, member, depth),
            // Of another type than the table says: a later version's, or damaged.
            _ => self.loose(raw),
        }
    }

    /// The member's value as a field; of a list where any value may stand, each element's.
    fn field(&mut self, raw: &[u8], member: Member, depth: usize) {
        let Some(field) = member.field else { return };
        if raw.first() == Some(&b'[') && depth < DEPTH_LIMIT {
            for child in children(raw, 0) {
                self.field(raw.get(child.value).unwrap_or_default(), member, depth + 1);
            }
        } else if let Some(value) = value(member.kind, raw) {
            self.sink.field(field, value);
        }
    }

    fn loose(&mut self, raw: &[u8]) {
        if self.words {
            each_text(raw, &mut |text| self.sink.text(text));
        }
    }
}

//! What a comparison leaves out: members, by their names.

use super::members::singular;
use crate::query::QueryFault;
use crate::record::RECORD;
use crate::record::element;
use crate::record::shape::{Shape, Type};
use crate::record::terms::nearest;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Members that a comparison leaves out; see [`crate::Database::diff_without`].
///
/// ```
/// use auditdb::Without;
///
/// let without = Without::new().member("reasoning")?.member("policy.version")?.member("attributes.run")?;
/// let fault = Without::new().member("reasonning").unwrap_err();
/// assert_eq!(fault.nearest, ["reasoning"]);
/// # Ok::<(), auditdb::QueryFault>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Without {
    /// Paths in a record, without places in lists: `policies.version`.
    paths: BTreeSet<String>,
}

impl Without {
    /// Nothing is left out.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves out that member too, with all that stands below it. It is named by its path in a record, without places in
    /// lists, each step as it stands there or as differences name it: `policies.version` or `policy.version`. Below the
    /// members that hold anything, such as `attributes` and `tools.parameters`, every name is known.
    ///
    /// # Errors
    /// A record has no such member; the nearest names are in the fault.
    pub fn member(mut self, name: &str) -> Result<Self, QueryFault> {
        let path = path(name).ok_or_else(|| unknown(name))?;
        self.paths.insert(path);
        Ok(self)
    }

    /// The paths of what is left out, in the order of their letters.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// Whether the member of that path is left out.
    pub(super) fn has(&self, path: &str) -> bool {
        self.paths.contains(path)
    }
}

/// What may stand below a member.
enum Below {
    Known(&'static Shape),
    Anything,
    Nothing,
}

impl Below {
    fn of(ty: Type) -> Self {
        match element(ty).0 {
            Type::Object(shape) => Below::Known(shape),
            Type::Any | Type::Open => Below::Anything,
            _ => Below::Nothing,
        }
    }
}

/// A member's path as it stands in a record.
fn path(name: &str) -> Option<String> {
    let mut path: Vec<&str> = Vec::new();
    let mut below = Below::Known(&RECORD);
    for step in name.split('.').map(str::trim) {
        match below {
            Below::Nothing => return None,
            Below::Anything if step.is_empty() => return None,
            Below::Anything => path.push(step),
            Below::Known(shape) => {
                let is = |known: &&str| *known == step || singular(known) == step;
                let field = shape.fields.iter().find(|field| is(&field.name))?;
                path.push(field.name);
                below = Below::of(field.ty);
            }
        }
    }
    Some(path.join("."))
}

fn unknown(name: &str) -> QueryFault {
    let mut near = nearest(name, paths().iter().map(String::as_str));
    if near.is_empty() {
        // Perhaps a member further down is meant.
        let ends_so = |path: &&str| path.rsplit('.').next() == name.rsplit('.').next();
        near = paths().iter().map(String::as_str).filter(ends_so).take(3).collect();
    }
    let message = format!("a record has no member named {name:?}; a member of one's own is named attributes.{name}");
    QueryFault::new(name, 0..name.len(), message).or_perhaps(near)
}

/// All paths of known members, as they stand in a record and as differences name them.
fn paths() -> &'static [String] {
    static PATHS: OnceLock<Vec<String>> = OnceLock::new();
    PATHS.get_or_init(|| {
        let (mut paths, mut shapes) = (Vec::new(), vec![(String::new(), String::new(), &RECORD)]);
        while let Some((before, said_before, shape)) = shapes.pop() {
            for field in shape.fields {
                let path = format!("{before}{}", field.name);
                let said = format!("{said_before}{}", singular(field.name));
                if let Below::Known(inner) = Below::of(field.ty) {
                    shapes.push((format!("{path}."), format!("{said}."), inner));
                }
                if said != path {
                    paths.push(said);
                }
                paths.push(path);
            }
        }
        paths
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_named_as_they_stand_or_as_differences_name_them() {
        for (name, expected) in [
            ("reasoning", Some("reasoning")),
            ("policy", Some("policies")),
            ("policy.condition.value", Some("policies.conditions.value")),
            ("policies.conditions", Some("policies.conditions")),
            ("tool.parameters.order.id", Some("tools.parameters.order.id")),
            ("attributes.run", Some("attributes.run")),
            ("outcome.error.message", Some("outcome.error.message")),
            ("reasoning.text", None),
            ("attributes.", None),
            ("policy.", None),
            ("", None),
            ("run", None),
            ("seq", None),
        ] {
            assert_eq!(path(name).as_deref(), expected, "{name}");
        }
        // Whatever is suggested is taken.
        for known in paths() {
            assert!(path(known).is_some(), "{known}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest() {
        let near = |name: &str| unknown(name).nearest;
        assert_eq!(near("reasonning"), ["reasoning"]);
        assert!(near("polcy.version").contains(&"policy.version"));
        assert!(near("prompt").contains(&"input.prompt"));
        assert!(near("xyzzy").is_empty());
    }
}

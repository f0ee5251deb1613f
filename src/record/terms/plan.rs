//! The record's table as `extract` walks it: what to do with each member of each object. Built once, from the table.

use super::fields::{FieldId, Kind};
use crate::record::schema::{element, query_names, shapes};
use crate::record::shape::{Field, Shape, Type};
use crate::record::table::{LOG_KIND_MEMBERS, LOG_MEMBERS, RECORD};
use std::collections::HashMap;
use std::sync::OnceLock;

/// What the walk does with the members of one object.
#[derive(Debug)]
pub(super) struct Node {
    shape: &'static Shape,
    /// One for each of the shape's fields.
    members: Vec<Member>,
}

/// What the walk does with one member.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    /// Its name in queries, if it has one.
    pub(super) field: Option<FieldId>,
    pub(super) kind: Kind,
    pub(super) holds: Holds,
}

/// What stands in a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// A string whose words are found.
    Text,
    /// A value without words: times, numbers, digests.
    Bare,
    /// Any JSON, whose strings and numbers are words.
    Loose,
    /// The user's own members.
    Attributes,
    /// An object of the table: the place of its node.
    Object(usize),
}

/// The nodes of all objects, and the places of the outermost ones.
#[derive(Debug)]
pub(super) struct Plan {
    nodes: Vec<Node>,
    pub(super) log: usize,
    pub(super) record: usize,
    pub(super) log_kinds: usize,
}

impl Plan {
    pub(super) fn node(&self, place: usize) -> Option<&Node> {
        self.nodes.get(place)
    }
}

impl Node {
    /// The member of that name, looked for behind the place of the one before first; and its place.
    pub(super) fn member(&self, name: &[u8], from: usize) -> Option<(usize, Member)> {
        let place = self.shape.place(name, from)?;
        Some((place, *self.members.get(place)?))
    }
}

pub(super) fn plan() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| {
        let names: HashMap<&str, FieldId> = query_names()
            .iter()
            .enumerate()
            .filter_map(|(place, known)| Some((known.name, FieldId::at(place)?)))
            .collect();
        let shapes = shapes();
        let place_of = |shape: &Shape| {
            shapes
                .iter()
                .position(|known| known.name == shape.name)
                .unwrap_or(usize::MAX)
        };
        let member = |shape: &Shape, field: &Field| Member {
            field: field.query.and_then(|name| names.get(name).copied()),
            kind: kind(field.ty),
            holds: match element(field.ty).0 {
                Type::Object(inner) => Holds::Object(place_of(inner)),
                Type::Open if shape.name == RECORD.name && field.name == "attributes" => Holds::Attributes,
                Type::Any | Type::Open => Holds::Loose,
                Type::Str | Type::Text | Type::Usual(_) | Type::Closed(_) => Holds::Text,
                _ => Holds::Bare,
            },
        };
        let node = |shape: &&'static Shape| Node {
            shape,
            members: shape.fields.iter().map(|field| member(shape, field)).collect(),
        };
        Plan {
            nodes: shapes.iter().map(node).collect(),
            log: place_of(&LOG_MEMBERS),
            record: place_of(&RECORD),
            log_kinds: place_of(&LOG_KIND_MEMBERS),
        }
    })
}

/// The kind of each name in queries, and whether no other values are taken than the table's.
pub(super) fn kinds_by_name() -> HashMap<&'static str, (Kind, bool)> {
    let mut kinds: HashMap<&'static str, (Kind, bool)> = HashMap::new();
    for field in shapes().into_iter().flat_map(|shape| shape.fields) {
        let Some(name) = field.query else { continue };
        let closed = matches!(element(field.ty).0, Type::Closed(_));
        let known = kinds.entry(name).or_insert((kind(field.ty), closed));
        known.1 &= closed;
    }
    kinds
}

fn kind(ty: Type) -> Kind {
    match element(ty).0 {
        Type::Id | Type::Digest | Type::Hex(_) => Kind::Lower,
        Type::Integer(_) => Kind::Integer,
        Type::Number(_) | Type::Share => Kind::Number,
        Type::Time => Kind::Time,
        Type::Bool => Kind::Bool,
        Type::Any => Kind::Any,
        _ => Kind::Exact,
    }
}

//! The order of a trace: each record behind its parent, or behind what it links to, and siblings by their times. Parents
//! that are not there and circles do not keep a record out.

use super::Node;
use std::collections::HashMap;

/// What puts a record where it stands in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tie {
    /// Nothing: the chain begins with it.
    Root,
    /// It names the record above it as its parent.
    Child,
    /// It has no parent, and links to the record above it in this way.
    Link(String),
    /// It names a parent that is in no log.
    Orphan {
        /// The parent's id.
        parent: String,
    },
    /// Its parents lead back to itself.
    Circle,
}

/// Where a node stands.
pub(super) struct Place {
    pub(super) node: usize,
    pub(super) depth: usize,
    pub(super) tie: Tie,
}

/// Puts all nodes in order.
pub(super) fn order(nodes: &[Node], by_id: &HashMap<String, usize>) -> Vec<Place> {
    let mut children: Vec<Vec<usize>> = nodes.iter().map(|_| Vec::new()).collect();
    let mut roots = Vec::new();
    let mut ties = Vec::with_capacity(nodes.len());
    for (place, node) in nodes.iter().enumerate() {
        let (above, tie) = above(place, node, by_id);
        match above.and_then(|above| children.get_mut(above)) {
            Some(siblings) => siblings.push(place),
            None => roots.push(place),
        }
        ties.push(tie);
    }
    let when = |place: &usize| {
        nodes
            .get(*place)
            .map(|node| (node.entry.time(), node.log, node.entry.seq()))
    };
    for siblings in children.iter_mut().chain([&mut roots]) {
        siblings.sort_by_key(when);
    }
    let mut walk = Walk {
        children,
        ties,
        seen: vec![false; nodes.len()],
        order: Vec::with_capacity(nodes.len()),
    };
    roots.into_iter().for_each(|root| walk.down(root, None));
    // What is left hangs on itself; the earliest of it begins.
    let mut left: Vec<usize> = (0..nodes.len()).collect();
    left.sort_by_key(when);
    left.into_iter().for_each(|place| walk.down(place, Some(Tie::Circle)));
    walk.order
}

/// The node that a node hangs on, and how.
fn above(place: usize, node: &Node, by_id: &HashMap<String, usize>) -> (Option<usize>, Tie) {
    if let Some(parent) = &node.ties.parent {
        return match by_id.get(parent) {
            Some(above) if *above == place => (None, Tie::Circle),
            Some(above) => (Some(*above), Tie::Child),
            None => (None, Tie::Orphan { parent: parent.clone() }),
        };
    }
    let mut links = node.ties.links.iter().flatten();
    let linked = links.find_map(|link| Some((*by_id.get(&link.id)?, link)));
    match linked.filter(|(above, _)| *above != place) {
        Some((above, link)) => (Some(above), Tie::Link(link.rel.clone())),
        None => (None, Tie::Root),
    }
}

/// A walk through the tree that needs no stack of calls: a hostile chain may be as deep as it is long.
struct Walk {
    children: Vec<Vec<usize>>,
    ties: Vec<Tie>,
    seen: Vec<bool>,
    order: Vec<Place>,
}

impl Walk {
    fn down(&mut self, from: usize, tie: Option<Tie>) {
        let mut waiting = vec![(from, 0)];
        let mut first = tie;
        while let Some((node, depth)) = waiting.pop() {
            match self.seen.get_mut(node) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            let own = self.ties.get(node).cloned().unwrap_or(Tie::Root);
            let tie = first.take().unwrap_or(own);
            self.order.push(Place { node, depth, tie });
            let children = self.children.get(node).into_iter().flatten().rev();
            waiting.extend(children.map(|child| (*child, depth + 1)));
        }
    }
}

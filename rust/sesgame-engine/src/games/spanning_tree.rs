//! The minimum-cost spanning tree game: players connect to a source, through each other if they like.

use super::check_numbers;
use crate::error::{Error, Result};
use crate::game::{NativeGame, Walker};
use crate::progress::Progress;

/// Trees that are kept; members beyond share the topmost one.
const MAX_LEVELS: usize = 32;

/// The cost game in which a coalition pays for the cheapest tree that connects its members to the
/// source by edges among themselves (Claus and Kleitman 1973; Bird 1976).
#[derive(Debug)]
pub struct SpanningTreeGame {
    /// A symmetric matrix over the source, which comes first, and the players.
    costs: Vec<f64>,
    n_players: usize,
}

impl SpanningTreeGame {
    /// The game of the given costs, a symmetric matrix of `n + 1` rows of which the first is the
    /// source's.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the matrix is not square and symmetric, or a cost is negative or not
    /// a number.
    pub fn new(costs: Vec<f64>, n_players: usize) -> Result<Self> {
        check_numbers("costs", &costs, 0.0)?;
        let width = n_players + 1;
        if n_players == 0 || costs.len() != width * width {
            return Err(Error::InvalidInput(format!(
                "{} costs are not a matrix of {width} rows and columns, the source and at least one \
                 player",
                costs.len()
            )));
        }
        for i in 0..width {
            for j in 0..i {
                let (one, other) = (costs[i * width + j], costs[j * width + i]);
                if one != other {
                    return Err(Error::InvalidInput(format!(
                        "the cost between nodes {j} and {i} is {other} in one row and {one} in the \
                         other; the matrix must be symmetric (node 0 is the source)"
                    )));
                }
            }
        }
        Ok(Self { costs, n_players })
    }

    fn edge(&self, one: u32, other: u32) -> Edge {
        let cost = self.costs[one as usize * (self.n_players + 1) + other as usize];
        Edge { cost, ends: (one, other) }
    }
}

impl NativeGame for SpanningTreeGame {
    fn n_players(&self) -> usize {
        self.n_players
    }

    fn walker<'a>(&'a self, _: &'a Progress) -> Box<dyn Walker + 'a> {
        Box::new(SpanningTreeWalker {
            game: self,
            members: Vec::new(),
            trees: Vec::new(),
            fresh: Vec::new(),
            roots: vec![0; self.n_players + 1],
        })
    }
}

/// An edge between two nodes, of which 0 is the source.
#[derive(Debug, Clone, Copy)]
struct Edge {
    cost: f64,
    ends: (u32, u32),
}

/// The cheapest tree of each first few members in ascending order of costs. A tree that a node joins is
/// the cheapest one within the tree before and the edges of the node.
struct SpanningTreeWalker<'a> {
    game: &'a SpanningTreeGame,
    members: Vec<usize>,
    trees: Vec<Vec<Edge>>,
    fresh: Vec<Edge>,
    roots: Vec<u32>,
}

impl SpanningTreeWalker<'_> {
    /// The tree within the edges of `before` and those between `player` and the present members.
    fn join(&mut self, before: &[Edge], player: usize, tree: &mut Vec<Edge>) {
        let node = player as u32 + 1;
        let nodes = || self.members.iter().map(|&member| member as u32 + 1).chain([0, node]);
        self.fresh.clear();
        let others = nodes().filter(|&other| other != node);
        self.fresh.extend(others.map(|other| self.game.edge(node, other)));
        self.fresh.sort_unstable_by(|a, b| a.cost.total_cmp(&b.cost).then(a.ends.cmp(&b.ends)));
        for other in nodes() {
            self.roots[other as usize] = other;
        }
        tree.clear();
        let (mut old, mut new) = (before.iter().peekable(), self.fresh.iter().peekable());
        while tree.len() < before.len() + 1 {
            let edge = match (old.peek(), new.peek()) {
                (Some(first), Some(second)) if first.cost <= second.cost => old.next(),
                (_, Some(_)) => new.next(),
                _ => old.next(),
            };
            let edge = *edge.expect("the edges connect all members");
            let ends = [edge.ends.0, edge.ends.1].map(|end| root(&mut self.roots, end));
            if ends[0] != ends[1] {
                self.roots[ends[0] as usize] = ends[1];
                tree.push(edge);
            }
        }
    }
}

/// The representative of a node's tree; the paths to it are halved.
fn root(roots: &mut [u32], mut node: u32) -> u32 {
    while roots[node as usize] != node {
        let parent = roots[node as usize];
        roots[node as usize] = roots[parent as usize];
        node = parent;
    }
    node
}

impl Walker for SpanningTreeWalker<'_> {
    fn clear(&mut self) {
        self.members.clear();
    }

    fn add(&mut self, player: usize) {
        let below = self.members.len();
        let level = below.min(MAX_LEVELS - 1);
        if self.trees.len() == level {
            self.trees.push(Vec::new());
        }
        let mut tree =
            if below < MAX_LEVELS { std::mem::take(&mut self.trees[level]) } else { Vec::new() };
        let before = match below {
            0 => Vec::new(),
            _ => std::mem::take(&mut self.trees[below.min(MAX_LEVELS) - 1]),
        };
        self.join(&before, player, &mut tree);
        if below > 0 && below < MAX_LEVELS {
            self.trees[below - 1] = before;
        }
        self.trees[level] = tree;
        self.members.push(player);
    }

    fn remove(&mut self, player: usize) {
        let place = self.members.iter().rposition(|&member| member == player);
        let place = place.expect("only a member can be removed");
        if place + 1 == self.members.len() && place < MAX_LEVELS {
            self.members.pop();
            return;
        }
        let kept = place.min(MAX_LEVELS - 1);
        let mut later = self.members.split_off(kept);
        later.remove(place - kept);
        later.into_iter().for_each(|member| self.add(member));
    }

    fn value(&mut self) -> f64 {
        match self.members.len() {
            0 => 0.0,
            members => self.trees[members.min(MAX_LEVELS) - 1].iter().map(|edge| edge.cost).sum(),
        }
    }
}

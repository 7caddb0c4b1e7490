//! The graph that a checker walks, and the question that a checker cannot answer by itself: can every state still come to a
//! good end, without luck?

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

/// A state, by its fingerprint.
pub type Node = u64;

/// The fingerprint of a state.
pub fn node(state: &impl Hash) -> Node {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

/// One step between two states.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// From here.
    pub from: Node,
    /// To there.
    pub to: Node,
    /// It happens by itself, sooner or later: no fault, nobody's whim, no luck.
    pub sure: bool,
}

/// What was walked. Many may write to it at the same time.
#[derive(Debug, Default)]
pub struct Graph {
    walked: Mutex<Walked>,
}

#[derive(Debug, Default)]
struct Walked {
    /// Each state, and whether it is a good end.
    states: Vec<(Node, bool)>,
    edges: Vec<Edge>,
}

/// What the graph comes to.
#[derive(Debug)]
pub struct Ends {
    /// How many states there are.
    pub states: usize,
    /// How many steps.
    pub edges: usize,
    /// How many states are good ends.
    pub good: usize,
    /// How many states have no step out of them.
    pub terminal: usize,
    /// The shortest way to a state from which no good end can be reached for sure: its states, the first first.
    pub stuck: Option<Vec<Node>>,
}

impl Graph {
    /// A state was visited.
    pub fn visit(&self, state: Node, good: bool, steps: impl Iterator<Item = Edge>) {
        let mut walked = self.walked.lock().unwrap_or_else(PoisonError::into_inner);
        walked.states.push((state, good));
        walked.edges.extend(steps);
    }

    /// Whether a good end can be reached from every state by sure steps alone. `first`: where the walk began.
    ///
    /// With it and fairness (what can happen again and again does happen) every order closes, whatever happened before.
    pub fn ends(&self, first: &[Node]) -> Ends {
        let walked = self.walked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut index = HashMap::with_capacity(walked.states.len());
        let mut good = Vec::with_capacity(walked.states.len());
        for (state, is_good) in &walked.states {
            index.entry(*state).or_insert_with(|| {
                good.push(*is_good);
                good.len() - 1
            });
        }
        let count = good.len();
        let known = |edge: &Edge| Some((*index.get(&edge.from)?, *index.get(&edge.to)?));
        let reaches = {
            let sure = || walked.edges.iter().filter(|edge| edge.sure).filter_map(known).map(|(from, to)| (to, from));
            reach(&lists(count, sure), (0..count).filter(|state| good[*state]))
        };
        let steps = lists(count, || walked.edges.iter().filter_map(known));
        let terminal = (0..count).filter(|state| steps.of(*state).is_empty()).count();
        let stuck = reaches.iter().any(|reaches| !reaches).then(|| {
            let starts: Vec<_> = first.iter().filter_map(|state| index.get(state).copied()).collect();
            let way = shortest(&steps, &starts, |state| !reaches[state]);
            let names: HashMap<_, _> = index.iter().map(|(name, state)| (*state, *name)).collect();
            way.iter().filter_map(|state| names.get(state).copied()).collect()
        });
        let ends = good.iter().filter(|good| **good).count();
        Ends { states: count, edges: walked.edges.len(), good: ends, terminal, stuck }
    }
}

/// For each state the states beside it, in one piece of memory.
struct Lists {
    begins: Vec<u32>,
    all: Vec<u32>,
}

impl Lists {
    fn of(&self, state: usize) -> &[u32] {
        &self.all[self.begins[state] as usize..self.begins[state + 1] as usize]
    }
}

fn lists<I: Iterator<Item = (usize, usize)>>(count: usize, pairs: impl Fn() -> I) -> Lists {
    let mut begins = vec![0_u32; count + 1];
    for (from, _) in pairs() {
        begins[from + 1] += 1;
    }
    for state in 0..count {
        begins[state + 1] += begins[state];
    }
    let mut next = begins.clone();
    let mut all = vec![0_u32; begins[count] as usize];
    for (from, to) in pairs() {
        all[next[from] as usize] = u32::try_from(to).unwrap_or(u32::MAX);
        next[from] += 1;
    }
    Lists { begins, all }
}

fn reach(lists: &Lists, from: impl Iterator<Item = usize>) -> Vec<bool> {
    let mut reached = vec![false; lists.begins.len() - 1];
    let mut open: Vec<_> = from.collect();
    for state in &open {
        reached[*state] = true;
    }
    while let Some(state) = open.pop() {
        for next in lists.of(state).iter().map(|next| *next as usize) {
            if !std::mem::replace(&mut reached[next], true) {
                open.push(next);
            }
        }
    }
    reached
}

fn shortest(lists: &Lists, from: &[usize], to: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut came_from: HashMap<usize, Option<usize>> = from.iter().map(|state| (*state, None)).collect();
    let mut open: VecDeque<_> = from.iter().copied().collect();
    while let Some(state) = open.pop_front() {
        if to(state) {
            let mut way = vec![state];
            while let Some(Some(before)) = way.last().and_then(|last| came_from.get(last)) {
                way.push(*before);
            }
            way.reverse();
            return way;
        }
        for next in lists.of(state).iter().map(|next| *next as usize) {
            if let std::collections::hash_map::Entry::Vacant(entry) = came_from.entry(next) {
                entry.insert(Some(state));
                open.push_back(next);
            }
        }
    }
    Vec::new()
}

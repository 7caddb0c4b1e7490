//! The graph that a checker walks, and the question that a checker cannot answer by itself: can every state still come to a
//! good end, without luck?

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasherDefault, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

/// A state, by its fingerprint of 63 bits.
pub type Node = u64;

/// The fingerprint of a state.
pub fn node(state: &impl Hash) -> Node {
    let mut hasher = Folding::default();
    state.hash(&mut hasher);
    hasher.finish() & !SURE
}

/// Of a fingerprint, the bit that says that a step is sure.
const SURE: u64 = 1;

/// Folds word after word into a product of 128 bits: most of the time is spent on fingerprints.
#[derive(Debug)]
pub struct Folding(u64);

impl Default for Folding {
    fn default() -> Self {
        Self(0x243f_6a88_85a3_08d3)
    }
}

impl Folding {
    #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word.wrapping_add(0x9e37_79b9_7f4a_7c15)) * 0xa076_1d64_78bd_642f;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            self.fold(chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }

    fn write_u8(&mut self, word: u8) {
        self.fold(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.fold(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.fold(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.fold(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.fold(word.unsigned_abs() as u64);
    }

    fn finish(&self) -> u64 {
        let mut last = Self(self.0);
        last.fold(0x5bd1_e995);
        last.0
    }
}

type Folded = BuildHasherDefault<Folding>;

/// One step out of a state.
#[derive(Clone, Copy, Debug)]
pub struct Step {
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
    /// Each state, whether it is a good end, and where its steps end.
    states: Vec<(Node, bool, usize)>,
    /// Where each step leads to, with the bit that says that it is sure.
    steps: Vec<u64>,
}

/// What the graph comes to.
#[derive(Debug)]
pub struct Ends {
    /// How many states there are.
    pub states: usize,
    /// How many steps.
    pub steps: usize,
    /// How many states are good ends.
    pub good: usize,
    /// How many states have no step out of them.
    pub terminal: usize,
    /// How many of those are no good end.
    pub bad: usize,
    /// The shortest way to a state from which no good end can be reached for sure: its states, the first first.
    pub stuck: Option<Vec<Node>>,
}

impl Graph {
    /// A state was visited.
    pub fn visit(&self, state: Node, good: bool, steps: impl Iterator<Item = Step>) {
        let mut walked = self.walked.lock().unwrap_or_else(PoisonError::into_inner);
        walked.steps.extend(steps.map(|step| step.to | u64::from(step.sure)));
        let end = walked.steps.len();
        walked.states.push((state, good, end));
    }

    /// Whether a good end can be reached from every state by sure steps alone. `first`: where the walk began.
    ///
    /// With it and fairness (what can happen again and again does happen) every order closes, whatever happened before.
    pub fn ends(&self, first: &[Node]) -> Ends {
        let walked = self.walked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut index: HashMap<Node, usize, Folded> = HashMap::with_capacity_and_hasher(walked.states.len(), Folded::default());
        let mut good = Vec::with_capacity(walked.states.len());
        for (state, is_good, _) in &walked.states {
            index.entry(*state).or_insert_with(|| {
                good.push(*is_good);
                good.len() - 1
            });
        }
        let count = good.len();
        let mut pairs = Vec::with_capacity(walked.steps.len());
        let mut begin = 0;
        for (state, _, end) in &walked.states {
            for step in &walked.steps[begin..*end] {
                if let (Some(from), Some(to)) = (index.get(state), index.get(&(step & !SURE))) {
                    pairs.push((short(*from), short(*to), step & SURE == SURE));
                }
            }
            begin = *end;
        }
        let reaches = {
            let back = lists(count, || pairs.iter().filter(|(.., sure)| *sure).map(|(from, to, _)| (*to, *from)));
            reach(&back, (0..count).filter(|state| good[*state]))
        };
        let steps = lists(count, || pairs.iter().map(|(from, to, _)| (*from, *to)));
        let terminal = || (0..count).filter(|state| steps.of(*state).is_empty());
        let stuck = reaches.iter().any(|reaches| !reaches).then(|| {
            let starts: Vec<_> = first.iter().filter_map(|state| index.get(state).copied()).collect();
            let way = shortest(&steps, &starts, |state| !reaches[state]);
            let names: HashMap<_, _> = index.iter().map(|(name, state)| (*state, *name)).collect();
            way.iter().filter_map(|state| names.get(state).copied()).collect()
        });
        Ends {
            states: count,
            steps: pairs.len(),
            good: good.iter().filter(|good| **good).count(),
            terminal: terminal().count(),
            bad: terminal().filter(|state| !good[*state]).count(),
            stuck,
        }
    }
}

fn short(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
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

fn lists<I: Iterator<Item = (u32, u32)>>(count: usize, pairs: impl Fn() -> I) -> Lists {
    let mut begins = vec![0_u32; count + 1];
    for (from, _) in pairs() {
        begins[from as usize + 1] += 1;
    }
    for state in 0..count {
        begins[state + 1] += begins[state];
    }
    let mut next = begins.clone();
    let mut all = vec![0_u32; begins[count] as usize];
    for (from, to) in pairs() {
        let place = &mut next[from as usize];
        all[*place as usize] = to;
        *place += 1;
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
            if let Entry::Vacant(entry) = came_from.entry(next) {
                entry.insert(Some(state));
                open.push_back(next);
            }
        }
    }
    Vec::new()
}

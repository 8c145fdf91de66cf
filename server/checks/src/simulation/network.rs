//! What hives tell each other: records after a position, in pieces that come late, twice, out of
//! order, by half, or never.

use tree::Node;

use super::chance::Chance;
use super::hive::{Hive, seal};
use super::members::Odd;
use super::tale::Tale;

/// What one hive knew at one moment, after what the other has of it already.
#[derive(Debug, Clone)]
struct Message {
    from: usize,
    to: usize,
    after: u64,
    up_to: u64,
    nodes: Vec<(u64, Node)>,
}

#[derive(Debug)]
pub(super) struct Network {
    up: Vec<Vec<bool>>,
    /// Up to which position `[to]` has taken in what `[from]` knows.
    taken: Vec<Vec<u64>>,
    /// Up to which position `[to]` must take in what `[from]` knows until that is whole.
    whole: Vec<Vec<u64>>,
    flying: Vec<Message>,
    /// Whether records are mended only when all that a hive knew was taken in, as they should.
    careful: bool,
    /// Whether every word is looked at: is it its author's?
    checks_seals: bool,
    pub(super) odd: Option<Odd>,
}

impl Network {
    pub(super) fn new(hives: usize, careful: bool, checks_seals: bool) -> Self {
        Self {
            up: vec![vec![true; hives]; hives],
            taken: vec![vec![0; hives]; hives],
            whole: vec![vec![0; hives]; hives],
            flying: Vec::new(),
            careful,
            checks_seals,
            odd: None,
        }
    }

    /// A hive was restored from a copy: all that anybody knows is gone through anew with it.
    pub(super) fn restore(&mut self, hives: &mut [Hive], hive: usize) {
        for other in 0..self.taken.len() {
            self.taken[other][hive] = 0;
            self.whole[other][hive] = 0;
        }
        self.ask_anew(hive);
        self.flying.retain(|message| message.from != hive && message.to != hive);
        if let Some(odd) = &self.odd {
            odd.look_through(&mut hives[hive]);
        }
    }

    /// One of those who manage changes what the odd member may do.
    pub(super) fn change_right(&mut self, hives: &mut [Hive], by: usize) {
        if self.odd.as_mut().is_some_and(|odd| odd.change_right(hives, by)) {
            self.ask_anew(by);
        }
    }

    /// A hive goes through all that the others know from the beginning.
    fn ask_anew(&mut self, hive: usize) {
        self.taken[hive].fill(0);
        self.whole[hive].fill(0);
    }

    /// A single state reaches a hive, whatever it is.
    pub(super) fn slip(&mut self, hives: &mut [Hive], from: usize, to: usize, node: &Node) {
        let Some(odd) = &mut self.odd else { return };
        if odd.talk(from, to) && odd.allows(node, &hives[to]) {
            let Ok(_) = tree::receive(&mut hives[to].memory, node);
            self.mend(hives, to);
        }
    }

    pub(super) fn is_up(&self, one: usize, other: usize) -> bool {
        self.up[one][other]
    }

    pub(super) fn set_up(&mut self, one: usize, other: usize, up: bool) {
        self.up[one][other] = up;
        self.up[other][one] = up;
    }

    pub(super) fn heal(&mut self) {
        for row in &mut self.up {
            row.fill(true);
        }
        self.flying.clear();
    }

    pub(super) fn send(&mut self, hives: &[Hive], from: usize, to: usize) {
        let Some(message) = self.message(hives, from, to) else { return };
        self.flying.push(message);
    }

    /// Something arrives, or is lost.
    pub(super) fn arrive(
        &mut self,
        hives: &mut [Hive],
        chance: &mut Chance,
        tale: &mut Tale,
    ) -> Result<(), String> {
        if self.flying.is_empty() {
            return Ok(());
        }
        let message = self.flying.swap_remove(chance.below(self.flying.len()));
        if chance.once_in(5) || !self.up[message.from][message.to] {
            return Ok(());
        }
        if chance.once_in(6) {
            self.flying.push(message.clone());
        }
        let half = chance.once_in(6).then(|| chance.below(message.nodes.len() + 1));
        self.take(hives, message, half, tale)
    }

    /// Tells everything at once. Answers whether there was anything to tell.
    pub(super) fn exchange(
        &mut self,
        hives: &mut [Hive],
        from: usize,
        to: usize,
        tale: &mut Tale,
    ) -> Result<bool, String> {
        let Some(message) = self.message(hives, from, to) else { return Ok(false) };
        self.take(hives, message, None, tale)?;
        Ok(true)
    }

    fn message(&self, hives: &[Hive], from: usize, to: usize) -> Option<Message> {
        let (after, memory) = (self.taken[to][from], &hives[from].memory);
        // What is known by half is not told on, but to the one who knows the other half.
        let mut others = 0..self.taken.len();
        let told = !self.careful || others.all(|other| other == to || self.is_whole(from, other));
        let talk = self.up[from][to] && self.odd.as_ref().is_none_or(|odd| odd.talk(from, to));
        let news = self.odd.as_ref().is_some_and(|odd| odd.has_news(from, to));
        (told && (news || memory.position() > after) && talk).then(|| Message {
            from,
            to,
            after,
            up_to: memory.position().max(after),
            nodes: memory.since(after),
        })
    }

    /// Whether a hive has all of what another knew at some moment, and not only a part; of who
    /// will not tell the rest, a part is all.
    fn is_whole(&self, to: usize, from: usize) -> bool {
        self.taken[to][from] >= self.whole[to][from]
            || self.odd.as_ref().is_some_and(|odd| !odd.talk(from, to))
    }

    fn take(
        &mut self,
        hives: &mut [Hive],
        message: Message,
        half: Option<usize>,
        tale: &mut Tale,
    ) -> Result<(), String> {
        let Message { from, to, after, up_to, mut nodes } = message;
        if after > self.taken[to][from] && self.careful {
            return Ok(());
        }
        let mut reached = up_to;
        if let Some(half) = half
            && half < nodes.len()
        {
            nodes.truncate(half);
            reached = nodes.last().map_or(after, |(seq, _)| *seq);
        }
        tale.tell(|| format!("hive {to} hears from {from}: {after} to {reached} of {up_to}"));
        if let Some(odd) = &mut self.odd {
            if !odd.talk(from, to) {
                return Ok(());
            }
            let anew = odd.tell(from, hives, to);
            nodes.retain(|(_, node)| odd.allows(node, &hives[to]));
            if anew {
                self.ask_anew(to);
            }
        }
        let hive = &mut hives[to];
        for (_, node) in &nodes {
            if self.checks_seals {
                is_sealed(node, hive)?;
            }
            let Ok(_) = tree::receive(&mut hive.memory, node);
        }
        if after <= self.taken[to][from] {
            self.taken[to][from] = self.taken[to][from].max(reached);
            self.whole[to][from] = self.whole[to][from].max(up_to);
        }
        self.mend(hives, to);
        Ok(())
    }

    pub(super) fn mend(&self, hives: &mut [Hive], to: usize) {
        if !self.careful || (0..hives.len()).all(|other| self.is_whole(to, other)) {
            let hive = &mut hives[to];
            let Ok(_) = tree::mend(&mut hive.memory, &hive.signer);
        }
    }
}

fn is_sealed(node: &Node, hive: &Hive) -> Result<(), String> {
    let share = tree::Ledger::share(&hive.memory);
    for (by, message, signature) in node.signed(share) {
        if seal(by.hive, &message) != signature {
            return Err(format!("{:?} holds a word that {by:?} never gave", node.id));
        }
    }
    Ok(())
}

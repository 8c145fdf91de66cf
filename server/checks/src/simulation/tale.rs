//! What happened, as an observer of all hives and people would tell it, and what must not have.

use std::collections::{BTreeMap, BTreeSet};

use types::Hash;

#[derive(Debug, Default)]
pub(super) struct Tale {
    /// What went into each content: itself, what it was made from, and so on.
    made_from: BTreeMap<Hash, BTreeSet<Hash>>,
    saved: BTreeSet<Hash>,
    saved_by: BTreeSet<(usize, Hash)>,
    /// Contents that a person who had them removed or chose against.
    removed: BTreeSet<Hash>,
    /// On which hive a person removed or replaced which content.
    dropped: BTreeSet<(usize, Hash)>,
    /// Contents that were made more than once, or brought back: nothing follows from seeing them.
    common: BTreeSet<Hash>,
    /// What happened, step by step, for whoever reads why a run failed.
    lines: Vec<String>,
    told: bool,
    /// Whether records are mended only when they are whole. Otherwise two things that never had
    /// one name may be taken for one, and what follows from that is no wonder.
    careful: bool,
}

impl Tale {
    /// One that keeps every line, when somebody wants to read them.
    pub(super) fn new(told: bool, careful: bool) -> Self {
        let mut tale = Self { told, careful, ..Self::default() };
        tale.is_common(Hash::of(&[]));
        tale
    }

    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.told {
            self.lines.push(line());
        }
    }

    pub(super) fn lines(&self) -> String {
        self.lines.join("\n")
    }

    /// A person's content was taken in by a hive; `base` is what stood there before.
    pub(super) fn saved(&mut self, hive: usize, content: Hash, base: Option<Hash>) {
        if !self.saved.insert(content) {
            self.common.insert(content);
        }
        self.saved_by.insert((hive, content));
        self.grew(content, base.as_slice());
        if let Some(base) = base {
            self.dropped.insert((hive, base));
        }
    }

    /// A content was made from others without a person.
    pub(super) fn grew(&mut self, content: Hash, from: &[Hash]) {
        let mut all: BTreeSet<Hash> = from.iter().flat_map(|hash| self.line(*hash)).collect();
        all.insert(content);
        self.made_from.entry(content).or_default().extend(all);
    }

    /// A person's removal was taken in by a hive.
    pub(super) fn removed(&mut self, hive: usize, content: Hash) {
        self.chosen_against(content);
        self.dropped.insert((hive, content));
    }

    pub(super) fn chosen_against(&mut self, content: Hash) {
        let line = self.line(content);
        self.removed.extend(line);
    }

    pub(super) fn is_common(&mut self, content: Hash) {
        self.common.insert(content);
    }

    /// A hive writes a content to its disk. What its person has removed there does not come back.
    pub(super) fn may_write(&self, hive: usize, content: Hash) -> Result<(), String> {
        if self.careful
            && self.dropped.contains(&(hive, content))
            && !self.common.contains(&content)
        {
            return Err(format!("{} came back on hive {hive}", short(content)));
        }
        Ok(())
    }

    /// Two contents stand side by side: they must have been made apart.
    pub(super) fn may_be_two(&self, one: Hash, other: Hash) -> Result<(), String> {
        let common = self.common.contains(&one) || self.common.contains(&other);
        if self.careful
            && !common
            && (self.line(one).contains(&other) || self.line(other).contains(&one))
        {
            let (one, other) = (short(one), short(other));
            return Err(format!(
                "{one} and {other} are two versions, but one was made from the other"
            ));
        }
        Ok(())
    }

    /// Anything may be seen anywhere from now on, but nothing may be lost.
    pub(super) fn expects_less(&mut self) {
        self.careful = false;
    }

    /// A hive was restored from a copy: what its person did since may be undone.
    pub(super) fn forgets(&mut self, hive: usize) {
        self.dropped.retain(|(by, _)| *by != hive);
    }

    /// All that was ever saved so far.
    pub(super) fn so_far(&self) -> BTreeSet<Hash> {
        self.saved.clone()
    }

    /// What one hive's person saved since then need not count.
    pub(super) fn excuse(&mut self, hive: usize, since: &BTreeSet<Hash>) {
        let own =
            self.saved_by.iter().filter(|(by, content)| *by == hive && !since.contains(content));
        let own: Vec<Hash> = own.map(|(_, content)| *content).collect();
        own.into_iter().for_each(|content| self.chosen_against(content));
    }

    /// Everything that was saved is in what stands now, or somebody who had it decided otherwise.
    pub(super) fn all_accounted(&self, standing: &BTreeSet<Hash>) -> Result<(), String> {
        let there: BTreeSet<Hash> = standing.iter().flat_map(|hash| self.line(*hash)).collect();
        let lost =
            self.saved.iter().find(|hash| !there.contains(hash) && !self.removed.contains(hash));
        lost.map_or(Ok(()), |lost| Err(format!("{} was lost from the tree", short(*lost))))
    }

    pub(super) fn all_saved(&self) -> impl Iterator<Item = Hash> + '_ {
        self.saved.iter().copied()
    }

    fn line(&self, content: Hash) -> BTreeSet<Hash> {
        self.made_from.get(&content).cloned().unwrap_or_else(|| BTreeSet::from([content]))
    }
}

pub(super) fn short(hash: Hash) -> String {
    hash.to_string()[..6].to_owned()
}

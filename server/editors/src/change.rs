//! A change of a text, counted in characters (Unicode code points), and its algebra: one after the
//! other, one beside the other, and back again.

use std::collections::VecDeque;

use ropey::Rope;

/// One stretch of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Keep(usize),
    Insert(String),
    Delete(usize),
}

/// Steps from the start of a text on; what they do not reach stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Change {
    steps: Vec<Step>,
}

/// One replaced passage, counted in the text before the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) insert: String,
}

impl Change {
    /// Replaces the characters from `start` to `end`.
    pub(crate) fn replace(start: usize, end: usize, insert: &str) -> Self {
        let mut change = Self::default();
        change.keep(start);
        change.insert(insert);
        change.delete(end - start);
        change.done()
    }

    /// Edits in order of their place, none overlapping another.
    pub(crate) fn of_edits(edits: &[Edit]) -> Self {
        let mut change = Self::default();
        let mut at = 0;
        for edit in edits {
            change.keep(edit.start - at);
            change.insert(&edit.insert);
            change.delete(edit.end - edit.start);
            at = edit.end;
        }
        change.done()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// What is replaced by what, in order.
    pub(crate) fn edits(&self) -> Vec<Edit> {
        let mut edits: Vec<Edit> = Vec::new();
        let mut at = 0;
        let mut open = false;
        for step in &self.steps {
            if let Step::Keep(count) = step {
                at += count;
                open = false;
                continue;
            }
            if !open {
                edits.push(Edit { start: at, end: at, insert: String::new() });
                open = true;
            }
            let Some(edit) = edits.last_mut() else { continue };
            match step {
                Step::Insert(text) => edit.insert.push_str(text),
                Step::Delete(count) => {
                    at += count;
                    edit.end = at;
                }
                Step::Keep(_) => {}
            }
        }
        edits
    }

    /// How many characters it puts in and takes out.
    pub(crate) fn weight(&self) -> usize {
        let weigh = |step: &Step| match step {
            Step::Keep(_) => 0,
            Step::Insert(text) => characters(text),
            Step::Delete(count) => *count,
        };
        self.steps.iter().map(weigh).sum()
    }

    /// Whether this change, made after `first`, leaves all that `first` puts in.
    pub(crate) fn keeps_what(&self, first: &Self) -> bool {
        let mut at = 0;
        let mut put_in = Vec::new();
        for step in &first.steps {
            match step {
                Step::Keep(count) => at += count,
                Step::Insert(text) => {
                    let end = at + characters(text);
                    put_in.push(at..end);
                    at = end;
                }
                Step::Delete(_) => {}
            }
        }
        let touches = |edit: &Edit| put_in.iter().any(|r| edit.start < r.end && edit.end > r.start);
        !self.edits().iter().any(touches)
    }

    /// Makes the change. False, and the text as it was, if it reaches beyond the text's end.
    pub(crate) fn apply(&self, text: &mut Rope) -> bool {
        let before = text.clone();
        let mut at = 0;
        for step in &self.steps {
            match step {
                Step::Keep(count) => at += count,
                Step::Insert(insert) if at <= text.len_chars() => {
                    text.insert(at, insert);
                    at += characters(insert);
                }
                Step::Delete(count) if at + count <= text.len_chars() => {
                    text.remove(at..at + count);
                }
                _ => {
                    *text = before;
                    return false;
                }
            }
        }
        if at > text.len_chars() {
            *text = before;
            return false;
        }
        true
    }

    /// This change and then `next`, as one.
    pub(crate) fn then(&self, next: &Self) -> Self {
        let mut result = Self::default();
        let (mut first, mut second) = (Reader::new(self), Reader::new(next));
        loop {
            match (first.peek(), second.peek()) {
                (None, None) => return result.done(),
                (Some(Step::Delete(count)), _) => {
                    let count = *count;
                    result.delete(count);
                    first.skip(count);
                }
                (_, Some(Step::Insert(text))) => {
                    result.insert(text);
                    second.next();
                }
                (None, Some(_)) => result.push(second.next()),
                (Some(_), None) => result.push(first.next()),
                (Some(made), Some(over)) => {
                    let count = length(made).min(length(over));
                    let keeps = matches!(over, Step::Keep(_));
                    let made = first.take(count);
                    second.skip(count);
                    match (made, keeps) {
                        (Step::Insert(_), false) => {}
                        (Step::Keep(_), false) => result.delete(count),
                        (made, true) => result.push(Some(made)),
                        (Step::Delete(_), false) => {}
                    }
                }
            }
        }
    }

    /// The two changes, made on the same text, each as it is to be made after the other. Where both
    /// insert at the same place, `self` stands first.
    pub(crate) fn beside(&self, other: &Self) -> (Self, Self) {
        let (mut one, mut two) = (Self::default(), Self::default());
        let (mut mine, mut others) = (Reader::new(self), Reader::new(other));
        loop {
            match (mine.peek(), others.peek()) {
                (None, None) => return (one.done(), two.done()),
                (Some(Step::Insert(text)), _) => {
                    two.keep(characters(text));
                    one.push(mine.next());
                }
                (_, Some(Step::Insert(text))) => {
                    one.keep(characters(text));
                    two.push(others.next());
                }
                (None, Some(_)) => two.push(others.next()),
                (Some(_), None) => one.push(mine.next()),
                (Some(left), Some(right)) => {
                    let count = length(left).min(length(right));
                    let keeps = (matches!(left, Step::Keep(_)), matches!(right, Step::Keep(_)));
                    mine.skip(count);
                    others.skip(count);
                    match keeps {
                        (true, true) => {
                            one.keep(count);
                            two.keep(count);
                        }
                        (false, true) => one.delete(count),
                        (true, false) => two.delete(count),
                        (false, false) => {}
                    }
                }
            }
        }
    }

    /// What takes this change back, made on `before`, which it was made on.
    pub(crate) fn back(&self, before: &Rope) -> Self {
        let mut result = Self::default();
        let mut at = 0;
        for step in &self.steps {
            match step {
                Step::Keep(count) => {
                    result.keep(*count);
                    at += count;
                }
                Step::Insert(text) => result.delete(characters(text)),
                Step::Delete(count) => {
                    let end = (at + count).min(before.len_chars());
                    result.insert(&before.slice(at.min(end)..end).to_string());
                    at += count;
                }
            }
        }
        result.done()
    }

    /// Where a place of the text before stands afterwards; an insertion at it stands after it.
    pub(crate) fn place(&self, place: usize) -> usize {
        let (mut before, mut after) = (0, 0);
        for step in &self.steps {
            match step {
                Step::Keep(count) => {
                    if place <= before + count {
                        return after + (place - before);
                    }
                    before += count;
                    after += count;
                }
                Step::Insert(_) if place == before => return after,
                Step::Insert(text) => after += characters(text),
                Step::Delete(count) => {
                    if place < before + count {
                        return after;
                    }
                    before += count;
                }
            }
        }
        after + (place - before)
    }

    fn push(&mut self, step: Option<Step>) {
        match step {
            Some(Step::Keep(count)) => self.keep(count),
            Some(Step::Insert(text)) => self.insert(&text),
            Some(Step::Delete(count)) => self.delete(count),
            None => {}
        }
    }

    fn keep(&mut self, count: usize) {
        match self.steps.last_mut() {
            _ if count == 0 => {}
            Some(Step::Keep(last)) => *last += count,
            _ => self.steps.push(Step::Keep(count)),
        }
    }

    fn delete(&mut self, count: usize) {
        match self.steps.last_mut() {
            _ if count == 0 => {}
            Some(Step::Delete(last)) => *last += count,
            _ => self.steps.push(Step::Delete(count)),
        }
    }

    /// Insertions stand before what is deleted at the same place, so that equal changes look equal.
    fn insert(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let at = match self.steps.last() {
            Some(Step::Delete(_)) => self.steps.len() - 1,
            _ => self.steps.len(),
        };
        match at.checked_sub(1).map(|before| &mut self.steps[before]) {
            Some(Step::Insert(last)) => last.push_str(text),
            _ => self.steps.insert(at, Step::Insert(text.to_owned())),
        }
    }

    fn done(mut self) -> Self {
        if let Some(Step::Keep(_)) = self.steps.last() {
            self.steps.pop();
        }
        self
    }
}

pub(crate) fn characters(text: &str) -> usize {
    text.chars().count()
}

fn length(step: &Step) -> usize {
    match step {
        Step::Keep(count) | Step::Delete(count) => *count,
        Step::Insert(text) => characters(text),
    }
}

/// Reads a change in pieces of any length.
struct Reader {
    steps: VecDeque<Step>,
}

impl Reader {
    fn new(change: &Change) -> Self {
        Self { steps: change.steps.iter().cloned().collect() }
    }

    fn peek(&self) -> Option<&Step> {
        self.steps.front()
    }

    fn next(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    fn skip(&mut self, count: usize) {
        drop(self.take(count));
    }

    /// The first `count` characters of the next step, which has at least as many.
    fn take(&mut self, count: usize) -> Step {
        let Some(step) = self.steps.pop_front() else { return Step::Keep(count) };
        if length(&step) <= count {
            return step;
        }
        let (taken, rest) = match step {
            Step::Keep(all) => (Step::Keep(count), Step::Keep(all - count)),
            Step::Delete(all) => (Step::Delete(count), Step::Delete(all - count)),
            Step::Insert(text) => {
                let cut = text.char_indices().nth(count).map_or(text.len(), |(at, _)| at);
                let (head, tail) = text.split_at(cut);
                (Step::Insert(head.to_owned()), Step::Insert(tail.to_owned()))
            }
        };
        self.steps.push_front(rest);
        taken
    }
}

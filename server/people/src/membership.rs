//! Giving, taking, joining and leaving, and what comes in from friends' hives about it.

use std::collections::{BTreeMap, BTreeSet};

use store::{Kind, Tx, View};
use types::{HiveId, Right, ShareId, Signature, Signer, Tick};

use crate::member::{self, Membership, Standing};
use crate::record::{About, Charter, Member, Says, TICK_MAX, Word};
use crate::{Error, db};

/// Words of hives that may not speak are kept in case that they may later, as far as they are few.
const NOISE_MAX: usize = 16;
const MEMBERS_MAX: usize = 4_096;
/// So much is read at once when a share's records are gone through.
const RECORDS_BYTES: usize = 1 << 20;

/// Who began the share and how they call it; `None` while it was never shared with a friend.
pub fn charter(view: &View, share: ShareId) -> Result<Option<Charter>, Error> {
    let record = store::record(view, share, Kind::Share as u8, share.as_bytes())?;
    record.map(|record| Charter::unchecked(&record.body)).transpose()
}

/// Everybody who was ever named in a share, by hive.
pub fn members(view: &View, share: ShareId) -> Result<BTreeMap<HiveId, Standing>, Error> {
    db::members(view, share)
}

/// What a hive may do in a share now; `None`: nothing.
pub fn member_right(view: &View, share: ShareId, hive: HiveId) -> Result<Option<Right>, Error> {
    Ok(db::member(view, share, hive)?.and_then(|standing| standing.may()))
}

/// The hives whose words about files count in a share, whoever brings them: up to which count of
/// their own.
pub fn writers(view: &View, share: ShareId) -> Result<BTreeMap<HiveId, u64>, Error> {
    let members = db::members(view, share)?.into_iter();
    Ok(members.filter_map(|(hive, standing)| Some((hive, standing.writes_up_to()?))).collect())
}

/// The limit for a hive that is not to write any more: the newest of its own that is known here,
/// or the limit that it has already.
fn limit(view: &View, share: ShareId, hive: HiveId, before: &Standing) -> Result<u64, Error> {
    match before.writes_up_to() {
        Some(u64::MAX) => {}
        limit => return Ok(limit.unwrap_or(0)),
    }
    let (mut newest, mut since) = (0, 0);
    loop {
        let records = store::records_since(view, share, since, RECORDS_BYTES)?;
        let Some(last) = records.last() else { return Ok(newest) };
        since = last.seq;
        for record in records.iter().filter(|record| record.kind == Kind::Node as u8) {
            newest = newest.max(tree::signed_last(&record.body, hive));
        }
    }
}

/// What the owner of this hive may do in a share of it. In one that was never shared with a friend:
/// everything.
pub fn right_here(view: &View, share: ShareId, own: HiveId) -> Result<Option<Right>, Error> {
    if charter(view, share)?.is_none() {
        return Ok(Some(Right::Manage));
    }
    member_right(view, share, own)
}

/// The shares that a hive may take part in, with what it may do there.
pub fn shares_of(view: &View, hive: HiveId) -> Result<Vec<(ShareId, Standing)>, Error> {
    let mut shares = db::shares_of(view, hive)?;
    shares.retain(|(_, standing)| standing.may().is_some());
    Ok(shares)
}

/// Makes this hive the founder of a share of its own, if that did not happen yet.
pub fn found(
    tx: &Tx,
    signer: &dyn Signer,
    share: ShareId,
    name: &str,
    of_file: bool,
) -> Result<Charter, Error> {
    if let Some(charter) = charter(tx, share)? {
        return Ok(charter);
    }
    let charter = write_charter(tx, signer, share, name, of_file, 1)?;
    say(tx, signer, share, signer.hive(), Says::Join(about_here(tx)?), 1)?;
    settle(tx, share)?;
    Ok(charter)
}

/// Tells the name that the founder gives a share; others only rename it for themselves.
pub fn rename_charter(
    tx: &Tx,
    signer: &dyn Signer,
    share: ShareId,
    name: &str,
) -> Result<(), Error> {
    let Some(charter) = charter(tx, share)? else { return Ok(()) };
    if charter.founder() == signer.hive() && charter.name != name {
        write_charter(tx, signer, share, name, charter.of_file, charter.tick.count + 1)?;
    }
    Ok(())
}

fn write_charter(
    tx: &Tx,
    signer: &dyn Signer,
    share: ShareId,
    name: &str,
    of_file: bool,
    count: u64,
) -> Result<Charter, Error> {
    let charter = Charter {
        name: name.to_owned(),
        of_file,
        tick: Tick { count, hive: signer.hive() },
        at: tx.now(),
        signature: Signature::from_bytes([0; 64]),
    };
    let charter = charter.signed(share, signer);
    store::put_record(tx, share, Kind::Share as u8, share.as_bytes(), &charter.body())?;
    Ok(charter)
}

/// Gives a hive a right in a share, or another one. Says what is in the way if that may not be.
pub(crate) fn give(
    tx: &Tx,
    signer: &dyn Signer,
    share: ShareId,
    hive: HiveId,
    right: Right,
) -> Result<(), Error> {
    let book = Book::open(tx, share)?;
    book.may_speak(signer.hive(), hive, Some(right))?;
    let before = db::member(tx, share, hive)?;
    let unchanged = |standing: &Standing| standing.may() == Some(right);
    if before.as_ref().is_some_and(unchanged) {
        return Ok(());
    }
    let had = before.as_ref().map_or(right, |standing| standing.had.max(right));
    let about = about(tx, hive, before.as_ref())?;
    let is_in = before.as_ref().is_some_and(|standing| standing.may().is_some());
    let count = book.next(signer.hive(), hive, !is_in)?;
    let since = if is_in { book.since(hive).unwrap_or(count) } else { count };
    let upto = match &before {
        Some(before) if right < Right::Edit => limit(tx, share, hive, before)?,
        _ => 0,
    };
    let says = Says::Give { right, since, had, upto, about };
    book.say_about(tx, signer, hive, says, count)
}

/// Whether this hive may let somebody in with this right.
pub(crate) fn may_give(
    view: &View,
    share: ShareId,
    own: HiveId,
    right: Right,
) -> Result<(), Error> {
    // Somebody who is not there yet.
    let nobody = HiveId::from_bytes([0; 32]);
    Book::open(view, share)?.may_speak(own, nobody, Some(right))
}

/// Takes the share away from a hive. Nothing on its disk is deleted by that.
pub(crate) fn expel(
    tx: &Tx,
    signer: &dyn Signer,
    share: ShareId,
    hive: HiveId,
) -> Result<(), Error> {
    let book = Book::open(tx, share)?;
    book.may_speak(signer.hive(), hive, None)?;
    let before = db::member(tx, share, hive)?.ok_or(Error::Gone("member"))?;
    if before.state == Membership::Removed {
        return Ok(());
    }
    let about = about(tx, hive, Some(&before))?;
    let count = book.next(signer.hive(), hive, false)?;
    let upto = limit(tx, share, hive, &before)?;
    book.say_about(tx, signer, hive, Says::Remove { had: before.had, upto, about }, count)
}

/// Takes up a share that was offered to this hive.
pub fn join(tx: &Tx, signer: &dyn Signer, share: ShareId) -> Result<(), Error> {
    let own = signer.hive();
    if member_right(tx, share, own)?.is_none() {
        return Err(Error::Gone("offer"));
    }
    speak_for_itself(tx, signer, share, Says::Join(about_here(tx)?))
}

/// Leaves a share, or declines it.
pub fn leave(tx: &Tx, signer: &dyn Signer, share: ShareId) -> Result<(), Error> {
    if db::member(tx, share, signer.hive())?.is_none_or(|standing| standing.may().is_none()) {
        return Ok(());
    }
    speak_for_itself(tx, signer, share, Says::Leave(about_here(tx)?))
}

/// Tells in every share how the owner and the hive are called now.
pub fn introduce(tx: &Tx, signer: &dyn Signer) -> Result<(), Error> {
    for (share, standing) in db::shares_of(tx, signer.hive())? {
        let about = about_here(tx)?;
        if standing.state == Membership::Member && standing.about != about {
            speak_for_itself(tx, signer, share, Says::Join(about))?;
        }
    }
    Ok(())
}

fn speak_for_itself(tx: &Tx, signer: &dyn Signer, share: ShareId, says: Says) -> Result<(), Error> {
    let book = Book::open(tx, share)?;
    let own = signer.hive();
    let said = book.members.get(&own).and_then(|member| member.by(own));
    let count = said.map_or(0, |word| word.tick.count).max(book.since(own).unwrap_or(0)) + 1;
    say(tx, signer, share, own, says, count)?;
    settle(tx, share)
}

/// Takes in a record of a friend's hive about a share whose charter is known. Tells whether it was
/// news. What does not count is no error; what cannot be is.
pub fn apply(tx: &Tx, share: ShareId, kind: Kind, key: &[u8], body: &[u8]) -> Result<bool, Error> {
    let bad = |what: &str| Error::BadRecord(format!("a record of a friend's hive {what}"));
    let known = charter(tx, share)?.ok_or_else(|| bad("is about an unknown share"))?;
    match kind {
        Kind::Share => {
            let charter = Charter::read(share, body)?;
            if key != share.as_bytes() || charter.founder() != known.founder() {
                return Err(bad("names another founder of a share"));
            }
            let joined = known.clone().join(charter);
            if joined == known {
                return Ok(false);
            }
            store::put_record(tx, share, kind as u8, key, &joined.body())?;
            tx.announce("share", &share.to_string(), Some(share))?;
            Ok(true)
        }
        Kind::Member => {
            let hive = HiveId::from_bytes(key.try_into().map_err(|_| bad("has no hive"))?);
            let is_news = take_words(tx, share, hive, body)?;
            if is_news {
                settle(tx, share)?;
            }
            Ok(is_news)
        }
        Kind::Node => Err(bad("is no membership")),
    }
}

/// Keeps the first charter of a share that a friend offers.
pub(crate) fn take_charter(tx: &Tx, share: ShareId, body: &[u8]) -> Result<(), Error> {
    if charter(tx, share)?.is_some() {
        return apply(tx, share, Kind::Share, share.as_bytes(), body).map(drop);
    }
    let charter = Charter::read(share, body)?;
    let key = share.as_bytes();
    store::put_record(tx, share, Kind::Share as u8, key, &charter.body())?;
    Ok(())
}

fn take_words(tx: &Tx, share: ShareId, hive: HiveId, body: &[u8]) -> Result<bool, Error> {
    let book = Book::open(tx, share)?;
    let known = book.members.get(&hive);
    let read = Member::read(share, body, known)?;
    if read.hive != hive {
        return Err(Error::BadRecord("a membership record lies under a wrong hive".to_owned()));
    }
    let mut joined = known.cloned().unwrap_or_else(|| Member::new(hive));
    let speaks = |word: &Word| word.author() == hive || book.managers.contains(&word.author());
    let named = read.words.iter().any(|word| book.managers.contains(&word.author()));
    if known.is_none() && !named && book.members.len() >= MEMBERS_MAX {
        return Ok(false);
    }
    let mut is_news = false;
    for word in read.words {
        let noise = joined.words.iter().filter(|word| !speaks(word)).count();
        if speaks(&word) || noise < NOISE_MAX {
            is_news |= joined.hear(word);
        }
    }
    if is_news {
        put(tx, share, &joined)?;
    }
    Ok(is_news)
}

/// All words of a share, as they stand.
struct Book {
    share: ShareId,
    founder: HiveId,
    managers: BTreeSet<HiveId>,
    members: BTreeMap<HiveId, Member>,
}

impl Book {
    fn open(view: &View, share: ShareId) -> Result<Self, Error> {
        let charter = charter(view, share)?.ok_or(Error::Gone("shared folder"))?;
        let members = load(view, share)?;
        let managers = member::managers(&charter, &members);
        Ok(Self { share, founder: charter.founder(), managers, members })
    }

    /// Whether `own` may give a hive this right, or take all away.
    fn may_speak(&self, own: HiveId, of: HiveId, right: Option<Right>) -> Result<(), Error> {
        let refused = |words: &str| Err(Error::NotManager(words.to_owned()));
        if !self.managers.contains(&own) {
            return refused(
                "Only who may manage this share can change who is in it, and you may not. Ask the \
                 friend who shared it with you.",
            );
        }
        if of == self.founder {
            return refused(
                "Whoever began a share always manages it. They can leave it by themselves.",
            );
        }
        if of == own {
            return refused("That is this hive itself. To give the share up, leave it.");
        }
        let about_managing = right == Some(Right::Manage) || self.managers.contains(&of);
        if about_managing && own != self.founder {
            return refused(
                "Only who began this share can let others manage it, or stop them. Ask them, or \
                 give the right to edit.",
            );
        }
        Ok(())
    }

    /// Since when the present membership of a hive counts.
    fn since(&self, hive: HiveId) -> Option<u64> {
        let word = member::deciding(self.founder, &self.managers, self.members.get(&hive)?)?;
        match &word.says {
            Says::Give { since, .. } => Some(*since),
            _ => None,
        }
    }

    /// The tick of a word about a hive that is to count more than all before it. A hive that is
    /// to join anew must also do so after what it said itself.
    fn next(&self, own: HiveId, of: HiveId, anew: bool) -> Result<u64, Error> {
        let said = self.members.values().filter_map(|member| member.by(own));
        let mut newest = said.map(|word| word.tick.count).max().unwrap_or(0);
        if let Some(member) = self.members.get(&of) {
            let deciding = member::deciding(self.founder, &self.managers, member);
            let itself = member.by(of).filter(|_| anew);
            for word in [deciding, itself].into_iter().flatten() {
                newest = newest.max(word.tick.count);
            }
        }
        let next = newest + 1;
        if next < TICK_MAX {
            return Ok(next);
        }
        Err(Error::Refused(
            "Somebody's hive has counted its words about this member beyond all reason. Whoever \
             began the share can take the right to manage from that hive, and then try again."
                .to_owned(),
        ))
    }

    /// Writes the word. Who managed until now loses their voice; what they decided stays in force
    /// in the founder's name.
    fn say_about(
        mut self,
        tx: &Tx,
        signer: &dyn Signer,
        hive: HiveId,
        says: Says,
        count: u64,
    ) -> Result<(), Error> {
        let stays = matches!(says, Says::Give { right: Right::Manage, .. });
        let silenced = self.managers.contains(&hive) && !stays;
        let decided: Vec<(HiveId, Says)> = self
            .members
            .values()
            .filter(|_| silenced)
            .filter_map(|member| {
                let word = member::deciding(self.founder, &self.managers, member)?;
                (word.author() == hive).then(|| (member.hive, word.says.clone()))
            })
            .collect();
        say(tx, signer, self.share, hive, says, count)?;
        if silenced {
            self.managers.remove(&hive);
            self.members = load(tx, self.share)?;
        }
        for (of, says) in decided {
            let count = self.next(signer.hive(), of, false)?;
            say(tx, signer, self.share, of, says, count)?;
        }
        settle(tx, self.share)
    }
}

fn load(view: &View, share: ShareId) -> Result<BTreeMap<HiveId, Member>, Error> {
    let records = store::records_of(view, share, Kind::Member)?;
    let read =
        |record: store::Record| Member::unchecked(&record.body).map(|member| (member.hive, member));
    records.into_iter().map(read).collect()
}

fn put(tx: &Tx, share: ShareId, member: &Member) -> Result<(), Error> {
    let key = member.hive.as_bytes();
    store::put_record(tx, share, Kind::Member as u8, key, &member.body())?;
    Ok(())
}

fn say(
    tx: &Tx,
    signer: &dyn Signer,
    share: ShareId,
    of: HiveId,
    says: Says,
    count: u64,
) -> Result<(), Error> {
    let record = store::record(tx, share, Kind::Member as u8, of.as_bytes())?;
    let known = record.map(|record| Member::unchecked(&record.body)).transpose()?;
    let mut member = known.unwrap_or_else(|| Member::new(of));
    member.hear(Word::new(share, of, says, count, tx.now(), signer));
    put(tx, share, &member)
}

/// Brings the table of members in line with the records, and announces who changed.
fn settle(tx: &Tx, share: ShareId) -> Result<(), Error> {
    let Some(charter) = charter(tx, share)? else { return Ok(()) };
    let (before, now) = (db::members(tx, share)?, member::roll(&charter, &load(tx, share)?));
    let gone = before.keys().filter(|hive| !now.contains_key(hive));
    let gone: Vec<HiveId> = gone.copied().collect();
    for hive in &gone {
        db::remove_member(tx, share, *hive)?;
    }
    let changed = now.iter().filter(|(hive, standing)| before.get(hive) != Some(standing));
    let changed: Vec<HiveId> = changed.map(|(hive, _)| *hive).collect();
    for hive in &changed {
        db::save_member(tx, share, *hive, &now[hive])?;
    }
    for hive in gone.into_iter().chain(changed) {
        tx.announce("member", &format!("{share}/{hive}"), Some(share))?;
    }
    Ok(())
}

/// How this hive is introduced to others.
fn about_here(view: &View) -> Result<About, Error> {
    let owner = db::owner(view)?.ok_or(Error::Gone("owner"))?;
    let device = crate::hive_name(view)?;
    Ok(About { name: owner.name, hue: owner.hue, device })
}

/// How another hive is introduced, until it does so itself.
fn about(view: &View, hive: HiveId, known: Option<&Standing>) -> Result<About, Error> {
    if let Some(friend) = db::friend(view, hive)? {
        return Ok(About { name: friend.own_name, hue: friend.hue, device: friend.device });
    }
    known.map(|standing| standing.about.clone()).ok_or(Error::Gone("friend"))
}

//! Invitations: a secret that makes its bearer a friend, and may hold a share out to them.

use store::{Tx, View};
use types::{DAY_MS, HiveId, InvitationId, Right, ShareId, Signer, Time};

use crate::{Error, Introduction, befriend, db, group};

const LIFE_MS: i64 = 7 * DAY_MS;
/// How far a clock may be set back after an invitation was made.
const CLOCK_OFF_MS: i64 = DAY_MS;
/// Domain separation of the hash, see BLAKE3's `derive_key`.
const CONTEXT: &str = "Skep 2026-11 secret of an invitation";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    pub id: InvitationId,
    /// Three words that stand for it on the same network.
    pub words: Option<String>,
    /// What it holds out, with which right.
    pub share: Option<(ShareId, Right)>,
    pub created_at: Time,
    pub expires_at: Time,
    pub uses: u32,
    pub uses_max: u32,
    pub answered_by: Option<HiveId>,
    pub(crate) secret_hash: [u8; 32],
}

/// What somebody proved who was invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The secret of the link.
    Secret([u8; 16]),
    /// The three words.
    Words(String),
}

impl Invitation {
    /// Whether this hive can still answer it, and otherwise why not.
    fn check(&self, by: HiveId, now: Time) -> Result<(), Error> {
        if self.answered_by == Some(by) {
            return Ok(());
        }
        self.is_open(now)
    }

    fn is_open(&self, now: Time) -> Result<(), Error> {
        if self.uses >= self.uses_max {
            return Err(Error::InvitationUsed);
        }
        // Made after now, it was made by a clock that was wrong: nobody knows how old it is.
        let is_ahead = self.created_at > now.plus(CLOCK_OFF_MS);
        if self.expires_at <= now || is_ahead { Err(Error::InvitationExpired) } else { Ok(()) }
    }
}

/// Keeps an invitation with this secret, good for one friend and a week. What it holds out must
/// have a charter.
pub fn invite(
    tx: &mut Tx,
    signer: &dyn Signer,
    secret: &[u8; 16],
    words: Option<String>,
    share: Option<(ShareId, Right)>,
) -> Result<Invitation, Error> {
    if let Some((share, right)) = share {
        crate::membership::may_give(tx, share, signer.hive(), right)?;
    }
    db::remove_old_invitations(tx, tx.now().plus(-LIFE_MS))?;
    let invitation = Invitation {
        id: InvitationId::draw(tx.chance()),
        words,
        share,
        created_at: tx.now(),
        expires_at: tx.now().plus(LIFE_MS),
        uses: 0,
        uses_max: 1,
        answered_by: None,
        secret_hash: hash(secret),
    };
    db::save_invitation(tx, &invitation)?;
    announce(tx, invitation.id)?;
    Ok(invitation)
}

/// Those that can still be answered, newest first.
pub fn invitations(view: &View) -> Result<Vec<Invitation>, Error> {
    let mut invitations = db::invitations(view)?;
    invitations.retain(|invitation| invitation.is_open(view.now()).is_ok());
    Ok(invitations)
}

/// Makes whoever proved the secret or the words a friend, and gives them what was held out. Who
/// comes twice with the same proof is welcome: their hive may not have heard the first answer.
pub fn redeem_invitation(
    tx: &Tx,
    signer: &dyn Signer,
    proof: &Proof,
    by: Introduction,
) -> Result<Invitation, Error> {
    let hive = by.hive;
    let found = match proof {
        Proof::Secret(secret) => db::invitation_by_secret(tx, &hash(secret))?,
        Proof::Words(words) => {
            let with_words = |one: &Invitation| one.words.as_ref() == Some(words);
            let known = db::invitations(tx)?.into_iter().filter(with_words);
            // The newest that is still open to them.
            let open = |one: &Invitation| u8::from(one.check(hive, tx.now()).is_ok());
            known.max_by_key(|one| (open(one), one.created_at))
        }
    };
    let mut invitation = found.ok_or(Error::InvitationUnknown)?;
    invitation.check(hive, tx.now())?;
    befriend(tx, signer, by)?;
    if invitation.answered_by == Some(hive) {
        return Ok(invitation);
    }
    if let Some((share, right)) = invitation.share {
        let has = crate::member_right(tx, share, hive)?;
        if has.is_none_or(|has| has < right) {
            group::share_with(tx, signer, share, hive, right)?;
        }
    }
    invitation.uses += 1;
    invitation.answered_by = Some(hive);
    db::save_invitation(tx, &invitation)?;
    announce(tx, invitation.id)?;
    Ok(invitation)
}

pub fn remove_invitation(tx: &Tx, id: InvitationId) -> Result<(), Error> {
    db::invitation(tx, id)?.ok_or(Error::Gone("invitation"))?;
    db::remove_invitation(tx, id)?;
    announce(tx, id)
}

fn announce(tx: &Tx, id: InvitationId) -> Result<(), Error> {
    Ok(tx.announce("invitation", &id.to_string(), None)?)
}

/// The secret has full entropy, so a fast hash is enough.
fn hash(secret: &[u8; 16]) -> [u8; 32] {
    blake3::derive_key(CONTEXT, secret)
}

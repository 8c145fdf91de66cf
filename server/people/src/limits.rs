//! How fast contents may go to and from friends' hives, and over which networks.

use store::{Tx, View};

use crate::Error;

const UP: &str = "limits.up_kb";
const DOWN: &str = "limits.down_kb";
const ONLY_UNMETERED: &str = "limits.only_unmetered";

/// In kilobytes (1,000 bytes) a second; 0: as fast as it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    pub up_kb: u32,
    pub down_kb: u32,
}

/// What to change; `None` leaves a thing as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitsChange {
    pub up_kb: Option<u32>,
    pub down_kb: Option<u32>,
}

impl Limits {
    #[must_use]
    pub fn changed(self, change: LimitsChange) -> Self {
        Self {
            up_kb: change.up_kb.unwrap_or(self.up_kb),
            down_kb: change.down_kb.unwrap_or(self.down_kb),
        }
    }
}

/// For all friends together.
pub fn limits(view: &View) -> Result<Limits, Error> {
    let number = |key| -> Result<u32, Error> {
        Ok(store::setting(view, key)?.and_then(|text| text.parse().ok()).unwrap_or(0))
    };
    Ok(Limits { up_kb: number(UP)?, down_kb: number(DOWN)? })
}

pub fn change_limits(tx: &Tx, change: LimitsChange) -> Result<Limits, Error> {
    for (key, value) in [(UP, change.up_kb), (DOWN, change.down_kb)] {
        if let Some(value) = value {
            let value = (value > 0).then(|| value.to_string());
            store::set_setting(tx, key, value.as_deref())?;
        }
    }
    limits(tx)
}

/// Whether friends' hives rest while the network costs by the byte.
pub fn only_unmetered(view: &View) -> Result<bool, Error> {
    Ok(store::setting(view, ONLY_UNMETERED)?.is_some())
}

pub fn set_only_unmetered(tx: &Tx, only: bool) -> Result<(), Error> {
    Ok(store::set_setting(tx, ONLY_UNMETERED, only.then_some("yes"))?)
}

//! The icon in the panel and its menu, changed in place when what they show has changed.

mod submenu;

use hive::SummaryState;
use tauri::image::Image;
use tauri::menu::{CheckMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Wry, include_image};
use tokio::sync::mpsc::Sender;

use crate::app::Message;
use submenu::{Lines, label};

/// Also the identity of the panel's item: panels remember its place by it.
pub(crate) const ID: &str = "skep";
const PAUSE_AT: usize = 9;

/// What a line of the menu asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Open,
    Share,
    CopyLink,
    Recent(usize),
    Folder(usize),
    Pause(Pause),
    Resume,
    AtLogin,
    Quit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    Minutes(i64),
    UntilTomorrow,
    UntilResumed,
}

/// Everything that icon and menu show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) line: String,
    pub(crate) state: SummaryState,
    pub(crate) people: Vec<String>,
    /// What the newest link opens.
    pub(crate) last_link: Option<String>,
    pub(crate) recent: Vec<String>,
    pub(crate) folders: Vec<String>,
    pub(crate) at_login: bool,
    /// Whether quitting stops the hive, or only takes the icon away.
    pub(crate) stops_hive: bool,
}

pub(crate) struct Tray {
    icon: TrayIcon,
    menu: Menu<Wry>,
    line: MenuItem<Wry>,
    people: Lines,
    copy: MenuItem<Wry>,
    recent: Lines,
    folders: Lines,
    pause: Submenu<Wry>,
    resume: MenuItem<Wry>,
    at_login: CheckMenuItem<Wry>,
    shown: Shown,
}

impl Tray {
    /// Fails where the desktop has no tray.
    pub(crate) fn build(
        app: &AppHandle,
        inbox: Sender<Message>,
        shown: Shown,
    ) -> tauri::Result<Self> {
        let item = |id: &str, text: &str, enabled| {
            MenuItem::with_id(app, id, label(text), enabled, None::<&str>)
        };
        let line = item("line", &shown.line, false)?;
        let people = Lines::new(app, "person", false)?;
        let copy = item("copy", "Copy link", false)?;
        let recent = Lines::new(app, "recent", true)?;
        let folders = Lines::new(app, "folder", true)?;
        let pause = Submenu::with_items(
            app,
            "Pause",
            true,
            &[
                &item("pause-30", "For 30 minutes", true)?,
                &item("pause-60", "For 1 hour", true)?,
                &item("pause-tomorrow", "Until tomorrow", true)?,
                &item("pause-open", "Until I resume", true)?,
            ],
        )?;
        let resume = item("resume", "Resume", true)?;
        let at_login = CheckMenuItem::with_id(
            app,
            "login",
            "Open at login",
            true,
            shown.at_login,
            None::<&str>,
        )?;
        let quit = if shown.stops_hive { "Quit (stop sharing)" } else { "Quit (keep sharing)" };
        let separator = || PredefinedMenuItem::separator(app);
        let menu = Menu::with_items(
            app,
            &[
                &line,
                people.menu(),
                &separator()?,
                &item("open", "Open Skep", true)?,
                &item("share", "Share a folder…", true)?,
                &copy,
                recent.menu(),
                folders.menu(),
                &separator()?,
                &pause,
                &at_login,
                &separator()?,
                &item("quit", quit, true)?,
            ],
        )?;
        let mut tray = Self {
            icon: icon(app, &menu, inbox, &shown)?,
            menu,
            line,
            people,
            copy,
            recent,
            folders,
            pause,
            resume,
            at_login,
            shown: Shown { state: SummaryState::Reachable, ..shown.clone() },
        };
        tray.lists(&shown)?;
        tray.pauses(shown.state)?;
        tray.shown = shown;
        Ok(tray)
    }

    /// Changes what differs from what is shown already; an open menu stays open.
    pub(crate) fn show(&mut self, next: Shown) -> tauri::Result<()> {
        if next == self.shown {
            return Ok(());
        }
        if next.line != self.shown.line {
            self.line.set_text(label(&next.line))?;
            self.icon.set_tooltip(Some(&next.line))?;
        }
        if next.state != self.shown.state {
            self.icon.set_icon(Some(image(next.state)))?;
            self.pauses(next.state)?;
        }
        if next.at_login != self.shown.at_login {
            self.at_login.set_checked(next.at_login)?;
        }
        self.lists(&next)?;
        self.shown = next;
        Ok(())
    }

    fn lists(&mut self, next: &Shown) -> tauri::Result<()> {
        let here = match next.people.len() {
            0 => "Nobody else is here".to_owned(),
            1 => "1 person here".to_owned(),
            count => format!("{count} people here"),
        };
        self.people.show(&here, &next.people)?;
        self.recent.show("Recent", &next.recent)?;
        self.folders.show("Folders", &next.folders)?;
        let copy = match &next.last_link {
            Some(name) => format!("Copy link to “{name}”"),
            None => "Copy link".to_owned(),
        };
        if self.copy.text()? != label(&copy) {
            self.copy.set_text(label(&copy))?;
            self.copy.set_enabled(next.last_link.is_some())?;
        }
        Ok(())
    }

    fn pauses(&self, state: SummaryState) -> tauri::Result<()> {
        let paused = self.menu.get("resume").is_some();
        if (state == SummaryState::Paused) == paused {
            return Ok(());
        }
        if paused {
            self.menu.remove(&self.resume)?;
            self.menu.insert(&self.pause, PAUSE_AT)
        } else {
            self.menu.remove(&self.pause)?;
            self.menu.insert(&self.resume, PAUSE_AT)
        }
    }
}

fn icon(
    app: &AppHandle,
    menu: &Menu<Wry>,
    inbox: Sender<Message>,
    shown: &Shown,
) -> tauri::Result<TrayIcon> {
    let clicks = inbox.clone();
    TrayIconBuilder::with_id(ID)
        .icon(image(shown.state))
        .icon_as_template(cfg!(target_os = "macos"))
        .title(if cfg!(target_os = "linux") { "Skep" } else { "" })
        .tooltip(&shown.line)
        .menu(menu)
        .show_menu_on_left_click(false)
        .on_menu_event(move |_, event| match choice(event.id().as_ref()) {
            Some(choice) => drop(inbox.try_send(Message::Chosen(choice))),
            None => tracing::debug!(?event, "a line without an action"),
        })
        .on_tray_icon_event(move |_, event| {
            if let TrayIconEvent::Click { button, button_state, .. } = event
                && button == MouseButton::Left
                && button_state == MouseButtonState::Up
            {
                drop(clicks.try_send(Message::Chosen(Choice::Open)));
            }
        })
        .build(app)
}

fn choice(id: &str) -> Option<Choice> {
    let numbered = |kind| id.strip_prefix(kind)?.parse().ok();
    Some(match id {
        "open" => Choice::Open,
        "share" => Choice::Share,
        "copy" => Choice::CopyLink,
        "pause-30" => Choice::Pause(Pause::Minutes(30)),
        "pause-60" => Choice::Pause(Pause::Minutes(60)),
        "pause-tomorrow" => Choice::Pause(Pause::UntilTomorrow),
        "pause-open" => Choice::Pause(Pause::UntilResumed),
        "resume" => Choice::Resume,
        "login" => Choice::AtLogin,
        "quit" => Choice::Quit,
        _ => match (numbered("recent-"), numbered("folder-")) {
            (Some(index), _) => Choice::Recent(index),
            (_, Some(index)) => Choice::Folder(index),
            _ => return None,
        },
    })
}

#[cfg(not(target_os = "macos"))]
fn image(state: SummaryState) -> Image<'static> {
    match state {
        SummaryState::Reachable => include_image!("../icons/tray/open-44.png"),
        SummaryState::Syncing => include_image!("../icons/tray/syncing-44.png"),
        SummaryState::Paused => include_image!("../icons/tray/paused-44.png"),
        SummaryState::OnlyHere => include_image!("../icons/tray/shut-44.png"),
        SummaryState::NeedsYou => include_image!("../icons/tray/needs-44.png"),
    }
}

#[cfg(target_os = "macos")]
fn image(state: SummaryState) -> Image<'static> {
    match state {
        SummaryState::Reachable => include_image!("../icons/template/open.png"),
        SummaryState::Syncing => include_image!("../icons/template/syncing.png"),
        SummaryState::Paused => include_image!("../icons/template/paused.png"),
        SummaryState::OnlyHere => include_image!("../icons/template/shut.png"),
        SummaryState::NeedsYou => include_image!("../icons/template/needs.png"),
    }
}

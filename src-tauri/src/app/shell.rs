//! What the app owns, and how it answers each message.

use std::path::Path;
use std::time::Duration;

use hive::{Client, Places, RecentLine, ShareLine, Summary, SummaryState};
use tauri::{AppHandle, Manager};
use tauri_plugin_autostart::ManagerExt;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{Receiver, Sender};

use crate::app::Message;
use crate::arguments::Arguments;
use crate::hive_link::HiveLink;
use crate::remembered::Remembered;
use crate::tray::{Choice, Pause, Shown, Tray};
use crate::{headless, notice, start_error, tray, window};

const RECENT_MAX: usize = 5;
/// Changes within this time are shown together.
const GATHER_TIME: Duration = Duration::from_millis(150);
const TOMORROW_HOUR: i8 = 7;

pub(crate) struct Shell {
    app: AppHandle,
    places: Places,
    inbox: Sender<Message>,
    remembered: Remembered,
    hive: Option<HiveLink>,
    tray: Option<Tray>,
    /// What the lines of the menu stand for.
    recent: Vec<RecentLine>,
    folders: Vec<ShareLine>,
    /// Keeps what was copied available on systems where the owner hands it out.
    clipboard: Option<arboard::Clipboard>,
}

impl Shell {
    pub(crate) fn new(app: AppHandle, places: Places, inbox: Sender<Message>) -> Self {
        let remembered = Remembered::load(&places.state);
        Self {
            app,
            places,
            inbox,
            remembered,
            hive: None,
            tray: None,
            recent: Vec::new(),
            folders: Vec::new(),
            clipboard: None,
        }
    }

    /// Runs until the app ends.
    pub(crate) async fn run(mut self, arguments: Arguments, mut messages: Receiver<Message>) {
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            headless::stop_signal().await;
            drop(inbox.send(Message::Quit).await);
        });
        #[cfg(target_os = "linux")]
        crate::tray_host::watch(self.inbox.clone());
        self.start(&arguments).await;
        while let Some(message) = messages.recv().await {
            match message {
                Message::Quit | Message::Chosen(Choice::Quit) => break,
                Message::TryAgain => self.start(&arguments).await,
                message => self.answer(message).await,
            }
        }
        self.end().await;
    }

    async fn start(&mut self, arguments: &Arguments) {
        match HiveLink::start().await {
            Ok(hive) => {
                follow_changes(&hive.client, self.inbox.clone());
                self.hive = Some(hive);
                self.refresh(true).await;
                // Without a tray a hidden start would leave nothing to be seen.
                if !arguments.hidden || self.tray.is_none() {
                    self.open(None).await;
                }
                start_error::close(&self.app);
                self.follow(arguments).await;
            }
            Err(error) => {
                tracing::error!(%error, "the hive did not start");
                start_error::show(&self.app, &error.to_string(), &self.inbox).await;
            }
        }
    }

    async fn answer(&mut self, message: Message) {
        match message {
            Message::Chosen(choice) => {
                if let Err(error) = self.choose(choice).await {
                    notice::tell("Skep", &error.to_string());
                }
            }
            Message::Started(arguments) => {
                self.open(None).await;
                self.follow(&arguments).await;
            }
            Message::Changed => self.refresh(false).await,
            Message::TrayAppeared => self.refresh(true).await,
            Message::Dragged(event) => {
                if let Some(window) = self.app.get_webview_window(window::LABEL) {
                    window::dragged(&window, &event);
                }
            }
            Message::CloseAsked => self.close(),
            Message::KeepSharing => {
                self.remembered.keeps_without_tray = true;
                self.close();
            }
            Message::TryAgain | Message::Quit => {}
        }
    }

    async fn choose(&mut self, choice: Choice) -> anyhow::Result<()> {
        let Some(hive) = &self.hive else { return Ok(()) };
        let client = hive.client.clone();
        match choice {
            Choice::Open => self.open(None).await,
            Choice::Share => self.choose_folder(),
            Choice::CopyLink => {
                if let Some(link) = client.copy_last_link().await? {
                    self.copy(&link.url)?;
                    notice::tell("Link copied", &format!("It opens “{}”.", link.name));
                }
            }
            Choice::Recent(index) => {
                let page = self.recent.get(index).map(|line| line.page.clone());
                self.open(page).await;
            }
            Choice::Folder(index) => {
                if let Some(share) = self.folders.get(index) {
                    tauri_plugin_opener::open_path(&share.root, None::<&str>)?;
                }
            }
            Choice::Pause(pause) => client.pause(until_at(pause)?).await?,
            Choice::Resume => client.resume().await?,
            Choice::AtLogin => {
                let login = self.app.autolaunch();
                if login.is_enabled()? {
                    login.disable()?
                } else {
                    login.enable()?
                }
                self.refresh(false).await;
            }
            Choice::Quit => {}
        }
        Ok(())
    }

    /// Shows the window, made anew if need be, on this page or where it was.
    async fn open(&mut self, page: Option<String>) {
        if let Some(window) = window::raise(&self.app) {
            if let Some(page) = page {
                window::go_to(&window, &page);
            }
            return;
        }
        if let Some(window) = self.app.get_webview_window(start_error::LABEL) {
            drop(window.set_focus());
        }
        let Some(hive) = &self.hive else { return };
        let address = match hive.client.sign_in_url().await {
            Ok(address) => address,
            Err(error) => return notice::tell("Skep", &error.to_string()),
        };
        let mut ready = hive.pages_ready.clone();
        if let Some(ready) = &mut ready {
            ready.mark_unchanged();
        }
        let data = self.places.state.join("window");
        match window::make(&self.app, &address, self.remembered.window, &data) {
            Ok(window) => {
                let client = hive.client.clone();
                if let Some(ready) = ready {
                    tokio::spawn(expect_page(window, ready, client, page));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "no window; opening the browser");
                window::open_in_browser(&address);
            }
        }
    }

    /// What a start was given: links to follow, folders to share.
    async fn follow(&mut self, arguments: &Arguments) {
        for page in arguments.links.iter().filter_map(|link| Arguments::invitation_page(link)) {
            self.open(Some(page)).await;
        }
        for address in arguments.links.iter().filter_map(|link| Arguments::web_address(link)) {
            window::open_in_browser(&address);
        }
        for path in &arguments.paths {
            self.share(path).await;
        }
    }

    async fn share(&mut self, path: &Path) {
        let Some(hive) = &self.hive else { return };
        match hive.client.share_path(path).await {
            Ok(share) => {
                notice::tell(
                    "Shared",
                    &format!("“{}” is shared. Make a link for a friend.", share.name),
                );
                self.open(Some(format!("/app/share/{}", share.id))).await;
            }
            Err(error) => notice::tell("Not shared", &error.to_string()),
        }
    }

    fn copy(&mut self, text: &str) -> Result<(), arboard::Error> {
        if self.clipboard.is_none() {
            self.clipboard = Some(arboard::Clipboard::new()?);
        }
        match &mut self.clipboard {
            Some(clipboard) => clipboard.set_text(text),
            None => Ok(()),
        }
    }

    /// Reads what the tray shows and changes it; builds the tray where one may be possible now.
    async fn refresh(&mut self, may_build: bool) {
        let Some(hive) = &self.hive else { return };
        let client = hive.client.clone();
        let shown = match self.read(&client, hive.is_own()).await {
            Ok((shown, recent, folders)) => {
                (self.recent, self.folders) = (recent, folders);
                shown
            }
            Err(error) => return tracing::warn!(%error, "the tray shows an older state"),
        };
        let outcome = match &mut self.tray {
            Some(tray) => tray.show(shown),
            None if may_build => {
                Tray::build(&self.app, self.inbox.clone(), shown).map(|tray| self.tray = Some(tray))
            }
            None => Ok(()),
        };
        if let Err(error) = outcome {
            tracing::info!(%error, "no tray");
        }
    }

    async fn read(
        &self,
        client: &Client,
        stops_hive: bool,
    ) -> Result<(Shown, Vec<RecentLine>, Vec<ShareLine>), hive::Error> {
        let Summary { line, state, people_here, shares, .. } = client.summary().await?;
        let recent = client.recent(RECENT_MAX).await?;
        let last_link = client.copy_last_link().await?;
        let folders: Vec<ShareLine> =
            shares.into_iter().filter(|share| !share.root.is_empty()).collect();
        let joined = |name: &str, what: &str| [name, what].join(" ").trim_end().to_owned();
        let folder_line = |share: &ShareLine| match state {
            SummaryState::Paused => share.name.clone(),
            _ => format!("{}: {}", share.name, share.state_words),
        };
        let shown = Shown {
            line,
            state,
            people: people_here.iter().map(|here| joined(&here.name, &here.what)).collect(),
            last_link: last_link.map(|link| link.name),
            recent: recent.iter().map(|line| line.words.clone()).collect(),
            folders: folders.iter().map(folder_line).collect(),
            at_login: self.app.autolaunch().is_enabled().unwrap_or_default(),
            stops_hive,
        };
        Ok((shown, recent, folders))
    }

    fn choose_folder(&self) {
        let (app, inbox) = (self.app.clone(), self.inbox.clone());
        tokio::spawn(async move {
            if let Some(folder) = notice::choose_folder(&app).await {
                let arguments = Arguments { paths: vec![folder], ..Arguments::default() };
                drop(inbox.send(Message::Started(arguments)).await);
            }
        });
    }

    /// Where there is no tray the person says once whether the hive shall go on.
    fn close(&mut self) {
        let Some(window) = self.app.get_webview_window(window::LABEL) else { return };
        if self.tray.is_none() && !self.remembered.keeps_without_tray {
            let (app, inbox) = (self.app.clone(), self.inbox.clone());
            tokio::spawn(async move {
                let words = "This desktop shows no tray icon. Skep can go on sharing in the \
                             background; start it again to see this window.";
                let keep =
                    notice::ask(&app, "Keep sharing?", words, ["Keep sharing", "Quit"]).await;
                let message = if keep { Message::KeepSharing } else { Message::Quit };
                drop(inbox.send(message).await);
            });
            return;
        }
        self.remember(&window);
        if let Err(error) = window.destroy() {
            tracing::warn!(%error, "the window stays");
        }
    }

    fn remember(&mut self, window: &tauri::WebviewWindow) {
        if let Some(place) = window::place(window) {
            self.remembered.window = Some(place);
        }
        self.remembered.save(&self.places.state);
    }

    async fn end(mut self) {
        if let Some(window) = self.app.get_webview_window(window::LABEL) {
            self.remember(&window);
            drop(window.destroy());
        }
        drop(self.app.remove_tray_by_id(tray::ID));
        if let Some(hive) = self.hive.take() {
            hive.stop().await;
        }
        self.app.exit(0);
    }
}

/// Opens the browser when the window's page does not tell in time that it works.
async fn expect_page(
    window: tauri::WebviewWindow,
    mut ready: tokio::sync::watch::Receiver<u64>,
    client: Client,
    page: Option<String>,
) {
    let told = tokio::time::timeout(window::READY_TIME_MAX, ready.changed()).await;
    match (told, page) {
        (Ok(_), Some(page)) => window::go_to(&window, &page),
        (Ok(_), None) => {}
        (Err(_), _) if window.is_visible().is_err() => {}
        (Err(_), _) => match client.sign_in_url().await {
            Ok(address) => {
                window::open_in_browser(&address);
                let words = "Its own window stayed empty on this computer.";
                notice::tell("Skep opened in your browser", words);
            }
            Err(error) => tracing::warn!(%error, "neither window nor browser"),
        },
    }
}

fn follow_changes(client: &Client, inbox: Sender<Message>) {
    let mut changes = client.changes();
    tokio::spawn(async move {
        while !matches!(changes.recv().await, Err(RecvError::Closed)) {
            tokio::time::sleep(GATHER_TIME).await;
            changes = changes.resubscribe();
            if inbox.send(Message::Changed).await.is_err() {
                break;
            }
        }
    });
}

/// When a pause ends, in milliseconds since 1970; `None`: when the person says so.
fn until_at(pause: Pause) -> Result<Option<i64>, jiff::Error> {
    let now = jiff::Zoned::now();
    let end = match pause {
        Pause::Minutes(minutes) => now.checked_add(jiff::Span::new().minutes(minutes))?,
        Pause::UntilTomorrow => {
            let morning = now.tomorrow()?.with().hour(TOMORROW_HOUR);
            morning.minute(0).second(0).subsec_nanosecond(0).build()?
        }
        Pause::UntilResumed => return Ok(None),
    };
    Ok(Some(end.timestamp().as_millisecond()))
}

//! A submenu whose lines follow a list.

use tauri::menu::{MenuItem, Submenu};
use tauri::{AppHandle, Wry};

const LABEL_LETTERS_MAX: usize = 60;

/// Disabled while the list is empty.
pub(super) struct Lines {
    app: AppHandle,
    menu: Submenu<Wry>,
    kind: &'static str,
    clickable: bool,
    items: Vec<(MenuItem<Wry>, String)>,
    title: String,
}

impl Lines {
    pub(super) fn new(app: &AppHandle, kind: &'static str, clickable: bool) -> tauri::Result<Self> {
        let menu = Submenu::new(app, "", false)?;
        let (items, title) = (Vec::new(), String::new());
        Ok(Self { app: app.clone(), menu, kind, clickable, items, title })
    }

    pub(super) fn menu(&self) -> &Submenu<Wry> {
        &self.menu
    }

    /// Touches only the lines that differ.
    pub(super) fn show(&mut self, title: &str, lines: &[String]) -> tauri::Result<()> {
        if self.title != title {
            self.menu.set_text(label(title))?;
            title.clone_into(&mut self.title);
        }
        if self.items.is_empty() != lines.is_empty() {
            self.menu.set_enabled(!lines.is_empty())?;
        }
        while self.items.len() > lines.len() {
            if let Some((item, _)) = self.items.pop() {
                self.menu.remove(&item)?;
            }
        }
        for ((item, shown), line) in self.items.iter_mut().zip(lines) {
            if shown != line {
                item.set_text(label(line))?;
                line.clone_into(shown);
            }
        }
        for line in &lines[self.items.len()..] {
            let id = format!("{}-{}", self.kind, self.items.len());
            let item = MenuItem::with_id(&self.app, id, label(line), self.clickable, None::<&str>)?;
            self.menu.append(&item)?;
            self.items.push((item, line.clone()));
        }
        Ok(())
    }
}

/// Shortens, and keeps `&` from marking a key.
pub(super) fn label(text: &str) -> String {
    let mut letters = text.chars();
    let mut label: String = letters.by_ref().take(LABEL_LETTERS_MAX).collect();
    if letters.next().is_some() {
        label.push('…');
    }
    label.replace('&', "&&")
}

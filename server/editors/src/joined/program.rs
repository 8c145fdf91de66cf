//! How the person's editor is started: with Skep's lines, where they can be given by the way.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio::process::{Child, Command};

use crate::setup::{self, Known};

/// An editor and what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editor {
    program: String,
    arguments: Vec<String>,
}

impl Editor {
    /// As a person names it, or as `$VISUAL` and `$EDITOR` do: a program and its arguments.
    /// `None`: there is no word in it.
    pub fn named(words: &str) -> Option<Self> {
        let mut words = words.split_whitespace().map(str::to_owned);
        let program = words.next()?;
        let mut arguments: Vec<String> = words.collect();
        // These give the terminal back at once, unless they are asked to wait.
        let program = match program.as_str() {
            "vscode" => "code".to_owned(),
            "helix" if !is_there("helix") => "hx".to_owned(),
            _ => program,
        };
        let waits: &[&str] = match name_of(&program) {
            "code" | "codium" | "cursor" => &["--wait", "--new-window"],
            "zed" | "zeditor" | "subl" => &["--wait"],
            "kate" => &["--block"],
            "gvim" | "mvim" => &["-f"],
            _ => &[],
        };
        for word in waits {
            if !arguments.iter().any(|known| known == word) {
                arguments.push((*word).to_owned());
            }
        }
        Some(Self { program, arguments })
    }

    /// That of the person's own settings.
    pub fn usual() -> Self {
        let set = ["VISUAL", "EDITOR"].into_iter().filter_map(|name| std::env::var(name).ok());
        let known = ["nvim", "vim", "emacs", "nano", "vi"].into_iter().find(|name| is_there(name));
        set.filter_map(|words| Self::named(&words))
            .next()
            .or_else(|| Self::named(known.unwrap_or("vi")))
            .unwrap_or_else(|| Self { program: "vi".to_owned(), arguments: Vec::new() })
    }

    /// Starts it on a file or folder. `notes`: a folder for the lines that it reads first.
    pub fn start(&self, target: &Path, notes: &Path) -> io::Result<Child> {
        let folder = if target.is_dir() { Some(target) } else { target.parent() };
        let mut command = Command::new(&self.program);
        command.args(self.lines(notes)?).args(&self.arguments).arg(target);
        if let Some(folder) = folder {
            command.current_dir(folder);
        }
        command.spawn().map_err(|error| {
            let words = match error.kind() {
                io::ErrorKind::NotFound => format!(
                    "{} is not installed here, or not in your PATH. Name another editor: \
                     --editor NAME",
                    self.program
                ),
                _ => format!("{} cannot be started: {error}.", self.program),
            };
            io::Error::new(error.kind(), words)
        })
    }

    /// What makes files live in it as they are typed.
    fn lines(&self, notes: &Path) -> io::Result<Vec<String>> {
        let (known, file) = match name_of(&self.program) {
            "nvim" => (Known::Nvim, "skep.lua"),
            "emacs" => (Known::Emacs, "skep.el"),
            _ => return Ok(Vec::new()),
        };
        let program = std::env::current_exe()?;
        let lines = setup::of(known, &program.to_string_lossy(), Path::new("/")).lines;
        let file = notes.join(file);
        fs::write(&file, lines)?;
        let file = file.to_string_lossy().into_owned();
        Ok(match known {
            Known::Nvim => vec!["--cmd".to_owned(), format!("luafile {}", escaped(&file))],
            _ => vec!["-l".to_owned(), file],
        })
    }

    pub fn name(&self) -> &str {
        name_of(&self.program)
    }
}

fn name_of(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn is_there(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).map(|folder: PathBuf| folder.join(program)).any(|p| p.is_file())
}

/// A path as Vim's commands take it.
fn escaped(path: &str) -> String {
    let special = |letter: char| " \t\n*?[{`$\\%#'\"|!<".contains(letter);
    path.chars().fold(String::new(), |mut escaped, letter| {
        if special(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
        escaped
    })
}

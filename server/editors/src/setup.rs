//! `skep editor setup`: the few lines that an editor needs, shown or written.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Nvim,
    Helix,
    Emacs,
    Vscode,
    Kate,
    Zed,
}

/// What an editor needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// What to do with the lines.
    pub words: String,
    pub lines: String,
    /// The file that is Skep's alone, and could be written; `None` where the lines go into one that
    /// holds other settings too.
    pub file: Option<PathBuf>,
}

/// What became of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It holds these lines already.
    Before,
    Now,
    /// Another file stood there, and is kept under this name.
    Instead(PathBuf),
}

/// `program` is how the editor starts `skep`; `home` the person's home folder.
pub fn of(editor: Known, program: &str, home: &Path) -> Setup {
    let config = std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty());
    let config = config.map_or_else(|| home.join(".config"), PathBuf::from);
    let quoted = program.replace('\\', "\\\\").replace('"', "\\\"").replace('\'', "\\'");
    let fill = |lines: &str| lines.replace("SKEP", &quoted);
    let setup = |words: &str, lines: &str, file: Option<PathBuf>| Setup {
        words: words.to_owned(),
        lines: fill(lines),
        file,
    };
    match editor {
        Known::Nvim => setup(
            "Neovim 0.7 or newer reads this from its plugin folder by itself.",
            include_str!("setup/skep.lua"),
            Some(config.join("nvim/plugin/skep.lua")),
        ),
        Known::Emacs => setup(
            "Load it from your init file: (load \"~/.emacs.d/skep.el\")",
            include_str!("setup/skep.el"),
            Some(home.join(".emacs.d/skep.el")),
        ),
        Known::Helix => setup(
            "These lines go into ~/.config/helix/languages.toml. Save with :write! there, since \
             the hive writes the file too.",
            include_str!("setup/helix.toml"),
            None,
        ),
        Known::Kate => setup(
            "These lines go into Settings, LSP Client, User Server Settings.",
            include_str!("setup/kate.json"),
            None,
        ),
        Known::Vscode => setup(
            "VS Code starts language servers by extensions only. Install one that starts any \
             server, and let it start this for the files of your shares. So that saving asks \
             nothing, set \"files.saveConflictResolution\": \"overwriteFileOnDisk\".",
            "SKEP lsp\n",
            None,
        ),
        Known::Zed => setup(
            "Zed starts language servers by extensions only, and there is none for Skep yet. What \
             you save is shared all the same. The command that an extension would start:",
            "SKEP lsp\n",
            None,
        ),
    }
}

/// Writes the file that is Skep's alone. What stood there before is kept beside it.
pub fn write(file: &Path, lines: &str) -> Result<Written, Error> {
    let before = match fs::read(file) {
        Ok(before) if before == lines.as_bytes() => return Ok(Written::Before),
        Ok(before) => Some(before),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let kept = match before {
        None => None,
        Some(before) => {
            let free = |count: &usize| !backup(file, *count).exists();
            let count = (1..).find(free).unwrap_or(1);
            fs::write(backup(file, count), before)?;
            Some(backup(file, count))
        }
    };
    fs::write(file, lines)?;
    Ok(kept.map_or(Written::Now, Written::Instead))
}

fn backup(file: &Path, count: usize) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".before-skep-{count}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::{Known, Written, of, write};

    #[test]
    fn it_is_written_once_and_what_stood_there_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("a/skep.lua");
        let setup = of(Known::Nvim, "/opt/skep", home.path());
        assert!(setup.lines.contains("cmd = { '/opt/skep', 'lsp' }"), "{}", setup.lines);
        assert_eq!(write(&file, &setup.lines).unwrap(), Written::Now);
        assert_eq!(write(&file, &setup.lines).unwrap(), Written::Before);
        std::fs::write(&file, "mine").unwrap();
        let Written::Instead(kept) = write(&file, &setup.lines).unwrap() else { panic!() };
        assert_eq!(std::fs::read_to_string(kept).unwrap(), "mine");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), setup.lines);
    }
}

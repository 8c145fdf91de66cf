//! `skep editor setup`.

use std::path::PathBuf;

use editors::setup::{self, Written};

use crate::arguments::Editor;
use crate::failure::Failure;
use crate::print;

pub(crate) fn setup(editor: Editor, write: bool) -> Result<(), Failure> {
    let known = match editor {
        Editor::Nvim => setup::Known::Nvim,
        Editor::Helix => setup::Known::Helix,
        Editor::Emacs => setup::Known::Emacs,
        Editor::Vscode => setup::Known::Vscode,
        Editor::Kate => setup::Known::Kate,
        Editor::Zed => setup::Known::Zed,
    };
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let program = std::env::current_exe()?;
    let setup = setup::of(known, &program.to_string_lossy(), &home);
    if !write {
        print::warning(&setup.words);
        if let Some(file) = &setup.file {
            print::warning(&format!("With --write it is put into {}.", file.display()));
        }
        return Ok(print::bytes(setup.lines.as_bytes())?);
    }
    let Some(file) = setup.file else {
        let words = "These lines belong into a file with other settings of yours, so they are not \
                     written. See them without --write.";
        return Err(Failure::usage(words));
    };
    let words = match setup::write(&file, &setup.lines)? {
        Written::Before => format!("{} is as it should be.", file.display()),
        Written::Now => format!("{} is written. {}", file.display(), setup.words),
        Written::Instead(kept) => {
            let (file, kept) = (file.display(), kept.display());
            format!("{file} is written; what stood there is kept in {kept}. {}", setup.words)
        }
    };
    Ok(print::line(&words)?)
}

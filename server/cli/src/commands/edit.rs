//! `skep edit`, and `skep join` with the link of a page: files in the person's own editor.

use std::path::{Path, PathBuf};

use editors::joined::{self, Editor, Wanted};
use hive::{Client, Places, wire};

use crate::arguments::{ByLink, Edit, Join};
use crate::failure::Failure;
use crate::{find, print};

pub(crate) async fn run(home: Option<&Path>, edit: Edit) -> Result<(), Failure> {
    let editor = editor(&edit.link)?.unwrap_or_else(Editor::usual);
    if is_address(&edit.what) {
        return open(edit.what, edit.folder, edit.name, edit.link, Some(editor)).await;
    }
    let client = Client::new(Places::find(home)?);
    let details = find::file(&client, &edit.what).await?;
    let shares = client.shares().await?;
    let share = shares.into_iter().find(|share| share.id == details.file.share);
    let root = share.and_then(|share| share.root).unwrap_or_default();
    let path = PathBuf::from(root).join(&details.file.path);
    if let wire::Live::No(why) = &details.live {
        print::warning(&format!("{} {}", why.detail, why.hint));
    }
    let notes = tempfile::tempdir()?;
    let mut child = editor.start(&path, notes.path())?;
    child.wait().await?;
    Ok(())
}

/// `skep join` with the link of a page.
pub(crate) async fn join(join: Join) -> Result<(), Failure> {
    let editor = editor(&join.link)?;
    if editor.is_none() && join.folder.is_none() {
        let words = "That is the link of a page. Open it in a browser, or in your editor: skep \
                     edit LINK. To have its files in a folder: skep join LINK FOLDER";
        return Err(Failure::usage(words));
    }
    open(join.what, join.folder, join.name, join.link, editor).await
}

/// Whether these words are meant as the address of a page.
pub(crate) fn is_address(words: &str) -> bool {
    let words = words.trim();
    words.starts_with("http://") || words.starts_with("https://")
}

async fn open(
    link: String,
    folder: Option<PathBuf>,
    name: Option<String>,
    by: ByLink,
    editor: Option<Editor>,
) -> Result<(), Failure> {
    let (password, authority) = (by.password, by.authority);
    let mut wanted = Wanted { link, folder, editor, name, password, authority };
    let welcome = joined::welcome(&wanted).await?;
    let asks = wanted.password.as_deref().is_none_or(str::is_empty);
    if welcome.password_needed && welcome.state == "open" && asks {
        wanted.password = Some(rpassword::prompt_password("Password of the link: ")?);
    }
    Ok(joined::run(wanted, print::warning).await?)
}

fn editor(by: &ByLink) -> Result<Option<Editor>, Failure> {
    let named = by.editor.as_deref().map(|words| {
        Editor::named(words).ok_or_else(|| Failure::usage("Name an editor: --editor nvim"))
    });
    named.transpose()
}

//! What a file probably is, told from its name.

use types::Name;

use crate::entry::{Entry, EntryKind};

/// What a page can do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    Text,
    Image,
    Audio,
    Video,
    Pdf,
    Other,
    Folder,
}

impl Type {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Pdf => "pdf",
            Self::Other => "other",
            Self::Folder => "folder",
        }
    }
}

/// How much of a file is looked at to see whether it is text.
const LOOKED_AT_BYTES_MAX: usize = 8_192;

/// Names that hold text although they have no extension; compared in lower case, sorted.
#[rustfmt::skip]
const TEXT_NAMES: &[&str] = &[
    "authors", "brewfile", "build", "caddyfile", "changelog", "changes", "codeowners",
    "containerfile", "contributing", "contributors", "copying", "copyright", "dockerfile",
    "doxyfile", "gemfile", "gnumakefile", "history", "hosts", "install", "jenkinsfile",
    "justfile", "kconfig", "licence", "license", "maintainers", "makefile", "manifest",
    "meson.build", "news", "notes", "notice", "pipfile", "pkgbuild", "podfile", "procfile",
    "rakefile", "readme", "thanks", "todo", "vagrantfile", "version", "workspace",
];

/// Extensions of text, sorted.
#[rustfmt::skip]
const TEXT_EXTENSIONS: &[&str] = &[
    "1", "ada", "adb", "adoc", "ads", "applescript", "as", "asc", "asciidoc", "asm", "astro",
    "awk", "bas", "bash", "bat", "bazel", "bib", "bzl", "c", "c++", "cc", "cfg", "cjs", "clj",
    "cljs", "cls", "cmake", "cmd", "cnf", "coffee", "conf", "config", "cpp", "cr", "cs", "css",
    "csv", "cts", "cu", "cue", "cxx", "d", "dart", "desktop", "dhall", "diff", "dot", "dpr",
    "dtd", "editorconfig", "edn", "ejs", "el", "elm", "eml", "env", "erb", "erl", "ex", "exs",
    "f", "f90", "f95", "feature", "fish", "frag", "fs", "fsi", "fsx", "gd", "gitattributes",
    "gitignore", "gleam", "glsl", "gn", "go", "gpx", "gql", "gradle", "graphql", "groovy", "gv",
    "h", "h++", "haml", "handlebars", "hbs", "hcl", "hh", "hpp", "hrl", "hs", "htm", "html",
    "hxx", "ical", "ics", "idl", "inc", "ini", "inl", "ino", "ipynb", "j2", "java", "jinja", "jl",
    "js", "json", "json5", "jsonc", "jsonl", "jsp", "jsx", "kdl", "kml", "kt", "kts", "latex",
    "lean", "less", "lhs", "lisp", "lock", "log", "lua", "m", "m3u", "m3u8", "m4", "mak", "map",
    "markdown", "md", "mdown", "mdx", "mediawiki", "mk", "mkd", "ml", "mli", "mm", "mod", "mts",
    "mustache", "nfo", "nim", "nix", "nu", "nut", "odin", "opml", "org", "p", "pas", "patch",
    "pem", "php", "pl", "plist", "pm", "po", "pod", "postcss", "pot", "pp", "prisma", "pro",
    "prolog", "properties", "proto", "ps1", "psm1", "pub", "pug", "purs", "py", "pyi", "pyw",
    "qml", "r", "rake", "rb", "re", "res", "rkt", "rmd", "rs", "rss", "rst", "s", "sass", "sbt",
    "scala", "scm", "scss", "sed", "service", "sh", "sln", "socket", "sol", "sql", "srt", "ss",
    "sty", "styl", "sub", "sum", "sv", "svelte", "svh", "swift", "tcl", "tex", "text", "textile",
    "tf", "tfvars", "thrift", "timer", "toml", "ts", "tsv", "tsx", "twig", "txt", "typ", "v",
    "vala", "vb", "vbs", "vcf", "vcs", "vert", "vhd", "vhdl", "vim", "vtt", "vue", "wat", "wgsl",
    "wiki", "wsdl", "xaml", "xhtml", "xml", "xsd", "xsl", "xslt", "yaml", "yml", "zig", "zsh",
];

/// What an entry is by its name.
pub fn type_of(entry: &Entry) -> Type {
    match entry.kind {
        EntryKind::Folder => Type::Folder,
        EntryKind::Link => Type::Other,
        EntryKind::File => type_of_name(&entry.name),
    }
}

/// What a file of this name is. `Other` for what the name does not tell: [`looks_like_text`] may
/// know more once it is open.
pub fn type_of_name(name: &Name) -> Type {
    let lower = name.as_str().to_lowercase();
    let stem = lower.split('.').next().unwrap_or_default();
    let dotfile = lower.starts_with('.') && !lower[1..].contains('.');
    let Some(extension) = name.extension() else {
        let known = dotfile || is_in(TEXT_NAMES, &lower);
        return if known { Type::Text } else { Type::Other };
    };
    if is_in(TEXT_EXTENSIONS, &extension) || is_in(TEXT_NAMES, &lower) {
        return Type::Text;
    }
    match mime_guess::from_ext(&extension).first() {
        Some(mime) if mime == mime_guess::mime::APPLICATION_PDF => Type::Pdf,
        Some(mime) => match mime.type_().as_str() {
            "image" => Type::Image,
            "audio" => Type::Audio,
            "video" => Type::Video,
            "text" => Type::Text,
            _ => Type::Other,
        },
        None if matches!(stem, "dockerfile" | "makefile" | "containerfile" | "") => Type::Text,
        None => Type::Other,
    }
}

fn is_in(words: &[&str], word: &str) -> bool {
    words.binary_search(&word).is_ok()
}

/// The media type to serve a file of this name as.
pub fn mime_of(name: &Name) -> String {
    if type_of_name(name) == Type::Text {
        let guess = name.extension().and_then(|extension| {
            // Video by its extension, source code by what people keep.
            if matches!(extension.as_str(), "ts" | "mts" | "cts") {
                return None;
            }
            mime_guess::from_ext(&extension).first()
        });
        let mime = guess.filter(|mime| mime.type_() == "text" || is_text_application(mime));
        let essence = mime.map_or("text/plain".to_owned(), |mime| mime.essence_str().to_owned());
        return format!("{essence}; charset=utf-8");
    }
    let extension = name.extension().unwrap_or_default();
    mime_guess::from_ext(&extension).first_or_octet_stream().essence_str().to_owned()
}

fn is_text_application(mime: &mime_guess::Mime) -> bool {
    mime.type_() == "application"
        && ["json", "xml", "javascript", "yaml", "toml", "sql"]
            .iter()
            .any(|word| mime.subtype().as_str().ends_with(word))
}

/// Whether the beginning of a file is text: UTF-8 without characters that no text holds.
pub fn looks_like_text(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(LOOKED_AT_BYTES_MAX)];
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // The cut may lie inside of a character.
        Err(error) if error.error_len().is_none() && start.len() < bytes.len() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\x0c' | '\x1b'))
}

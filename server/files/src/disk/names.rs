//! Names on file systems that cannot hold every name, or cannot tell some of them apart: each has
//! a form that stands there in its stead, and from which it is read back. Pure.
//!
//! A byte that cannot stand in a name becomes the private character `U+F000` plus the byte, as
//! other programs do on such systems. Of names that the system takes for one, the later one stands
//! as its twin form, in which nothing is left that has a case or an accent.

/// What a file system makes of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Naming {
    /// No `\ : * ? " < > |`, no control characters, no names of devices, no dot or space at the
    /// end.
    pub(crate) narrow: bool,
    /// Names that differ in case, or in how an accent is written, are one.
    pub(crate) folds: bool,
}

/// Bytes that cannot stand for themselves begin here.
const ESCAPES: u32 = 0xF000;
const ESCAPES_END: u32 = 0xF0FF;
/// Stands in twin forms alone.
const TWIN: char = '\u{F100}';
/// What the narrow systems hold in no name.
const FORBIDDEN: &str = r#"\:*?"<>|"#;

impl Naming {
    /// Whether every name stands as it is.
    pub(crate) const fn is_exact(self) -> bool {
        !self.narrow && !self.folds
    }

    /// How a name stands on disk.
    pub(crate) fn on_disk(self, name: &str) -> String {
        if self.is_exact() { name.to_owned() } else { self.written(name, |_| false) }
    }

    /// How a name stands on disk beside another that the system takes for the same.
    pub(crate) fn twin_on_disk(self, name: &str) -> String {
        let mut text = self.written(name, |c| c.is_ascii_uppercase() || !c.is_ascii());
        let end = text.rfind('.').filter(|at| *at > 0).unwrap_or(text.len());
        text.insert(end, TWIN);
        text
    }

    /// The name that stands on disk as this; `None` if none does: it was put there otherwise.
    pub(crate) fn meant_by(self, text: &str) -> Option<String> {
        if self.is_exact() {
            return Some(text.to_owned());
        }
        let mut bytes = Vec::with_capacity(text.len());
        for c in text.chars().filter(|c| *c != TWIN) {
            match u32::from(c) {
                code @ ESCAPES..=ESCAPES_END => bytes.extend(u8::try_from(code - ESCAPES)),
                _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        let name = String::from_utf8(bytes).ok()?;
        let form = match text.contains(TWIN) {
            true => self.twin_on_disk(&name),
            false => self.on_disk(&name),
        };
        (form == text).then_some(name)
    }

    fn written(self, name: &str, also: impl Fn(char) -> bool) -> String {
        let last = name.chars().count().saturating_sub(1);
        let device = self.narrow && is_device(name);
        let mut text = String::with_capacity(name.len());
        for (at, c) in name.chars().enumerate() {
            let code = u32::from(c);
            let forbidden = self.narrow
                && (c.is_control()
                    || FORBIDDEN.contains(c)
                    || (at == last && matches!(c, '.' | ' '))
                    || (at == 0 && device));
            let own = (ESCAPES..=ESCAPES_END).contains(&code) || c == TWIN;
            if forbidden || own || also(c) {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    text.extend(char::from_u32(ESCAPES + u32::from(byte)));
                }
            } else {
                text.push(c);
            }
        }
        text
    }
}

/// Whether narrow systems open a device instead of a file.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let mut number = numbered.unwrap_or_default().chars();
    let is_number =
        matches!((number.next(), number.next()), (Some(c), None) if "0123456789¹²³".contains(c));
    is_number || matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FORBIDDEN, Naming, is_device};

    const NARROW: Naming = Naming { narrow: true, folds: true };

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            "[aA.éÉ: ]{1,5}",
            "[\u{F02E}\u{F03A}\u{F043}\u{F100}aA.:]{1,5}",
            "(CON|nul|com1|LPT9|con )(\\.txt)?",
            "\\PC{1,12}",
        ]
        .prop_filter("a name", |name| !name.contains('/') && name != "." && name != "..")
    }

    fn stands(text: &str) -> bool {
        let end = text.chars().next_back();
        !text.chars().any(|c| c.is_control() || FORBIDDEN.contains(c))
            && !matches!(end, Some('.' | ' '))
            && !is_device(text)
    }

    proptest! {
        #[test]
        fn every_name_has_a_form_that_stands_and_is_read_back(name in name()) {
            for form in [NARROW.on_disk(&name), NARROW.twin_on_disk(&name)] {
                prop_assert!(stands(&form), "{form:?}");
                prop_assert_eq!(NARROW.meant_by(&form), Some(name.clone()));
            }
        }

        #[test]
        fn no_two_names_have_one_form(one in name(), two in name()) {
            prop_assume!(one != two);
            prop_assert_ne!(NARROW.on_disk(&one), NARROW.on_disk(&two));
            let fold = |text: String| text.to_lowercase();
            prop_assert_ne!(
                fold(NARROW.twin_on_disk(&one)), fold(NARROW.twin_on_disk(&two)));
            prop_assert_ne!(fold(NARROW.twin_on_disk(&one)), fold(NARROW.on_disk(&two)));
        }

        #[test]
        fn a_form_is_read_as_one_name_or_none(text in name()) {
            if let Some(name) = NARROW.meant_by(&text) {
                let forms = [NARROW.on_disk(&name), NARROW.twin_on_disk(&name)];
                prop_assert!(forms.contains(&text));
            }
        }
    }

    #[test]
    fn usual_names_stand_as_they_are() {
        for name in ["plan.md", "Größe 2.txt", ".hidden", "caf\u{e9}", "console", "com10"] {
            assert_eq!(NARROW.on_disk(name), name);
        }
        assert_eq!(NARROW.on_disk("a:b"), "a\u{F03A}b");
        assert_eq!(NARROW.on_disk("CON.txt"), "\u{F043}ON.txt");
        assert_eq!(NARROW.on_disk("end."), "end\u{F02E}");
        assert_eq!(NARROW.twin_on_disk("Case.txt"), "\u{F043}ase\u{F100}.txt");
        assert_eq!(Naming::default().on_disk("a:b."), "a:b.");
        assert_eq!(NARROW.meant_by("a\u{F0FF}b"), None);
    }
}

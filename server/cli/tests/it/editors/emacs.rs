//! The real Emacs with eglot, beside Neovim, a page and a program that saves.

use std::fs;
use std::process::{Child, Command, Stdio};

use checks::Page;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{each_once, nvim, seed, tags};
use crate::world::{Home, PATIENCE, eventually, note};

const EDITS_EACH: u32 = 200;
const NVIM: u32 = 0x4e00;
const EMACS: u32 = 0xac00;
const PAGE: u32 = 0x1200;
const SED: u32 = 0xa000;

/// Types each tag at a random place, lets others in between, and saves now and then.
const DRIVE: &str = r#"
(defvar drive (split-string (getenv "DRIVE") " "))
(defvar drive-root (nth 0 drive))
(random (nth 1 drive))
(defvar drive-count (string-to-number (nth 2 drive)))
(defvar drive-first (string-to-number (nth 3 drive)))
(defvar drive-at 0)
(defvar drive-buffer nil)
(setq create-lockfiles nil make-backup-files nil auto-save-default nil)
(defun drive-soon (seconds what) (run-at-time seconds nil what))
(defun drive-file (name)
  (with-temp-buffer
    (let ((coding-system-for-read 'utf-8))
      (ignore-errors (insert-file-contents (concat drive-root "/" name))))
    (buffer-string)))
(defun drive-open ()
  (setq drive-buffer (find-file-noselect (concat drive-root "/Trip/plan.md")))
  (switch-to-buffer drive-buffer)
  (run-hooks 'post-command-hook)
  (drive-wait))
(defun drive-wait ()
  (if (with-current-buffer drive-buffer (memq 'skep--save write-contents-functions))
      (drive-type)
    (drive-soon 0.02 #'drive-wait)))
(defun drive-type ()
  (with-current-buffer drive-buffer
    (save-excursion
      (goto-char (+ 1 (random (+ 1 (buffer-size)))))
      (insert-char (+ drive-first drive-at)))
    (setq drive-at (1+ drive-at))
    (when (= 19 (% drive-at 20)) (save-buffer)))
  (if (< drive-at drive-count)
      (drive-soon (/ (random 16) 1000.0) #'drive-type)
    (drive-end)))
(defun drive-end ()
  (let ((last (string-trim (drive-file "stop")))
        (shown (with-current-buffer drive-buffer (buffer-string))))
    (if (not (and (not (equal last "")) (string-search last shown)
                  (equal shown (drive-file "Trip/plan.md"))))
        (drive-soon 0.02 #'drive-end)
      (let ((coding-system-for-write 'utf-8))
        (with-current-buffer drive-buffer (save-buffer))
        (write-region shown nil (concat drive-root "/emacs.txt")))
      (kill-emacs))))
(drive-soon 0 #'drive-open)
"#;

struct Emacs(Child);

impl Drop for Emacs {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Whether there is an Emacs that has eglot.
fn is_there() -> bool {
    let mut asked = Command::new("emacs");
    let asked = asked
        .args(["--batch", "-q", "--eval"])
        .arg("(progn (package-initialize) (kill-emacs (if (require 'eglot nil t) 0 1)))");
    asked.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|ended| ended.success())
}

fn start(home: &Home, seed: u64) -> Emacs {
    let setup = home.skep(&["editor", "setup", "emacs"]);
    assert_eq!(setup.code, 0, "{setup:?}");
    fs::write(home.path("skep.el"), setup.out).unwrap();
    fs::write(home.path("drive.el"), DRIVE).unwrap();
    let (root, seed) = (home.path(""), seed % 1_000_000);
    let root = root.display().to_string();
    let drive = format!("{} {seed} {EDITS_EACH} {EMACS}", root.trim_end_matches('/'));
    let log = fs::File::create(home.path("emacs.log")).unwrap();
    // As a daemon it has no window, and its own timers go as they do in one.
    let child = Command::new("emacs")
        .args(["-q", "--no-splash", "--fg-daemon=skep-test", "-l", "skep.el", "-l", "drive.el"])
        .current_dir(home.path(""))
        .env("SKEP_HOME", &home.hive)
        .env("HOME", home.path("person"))
        .env("XDG_RUNTIME_DIR", home.path("person"))
        .env("LANG", "C.UTF-8")
        .env("DRIVE", drive)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    Emacs(child)
}

/// Neovim, Emacs and a page type at once all over the file; then a program saves it, again and
/// again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neovim_emacs_a_page_and_sed_edit_one_file() {
    if !nvim::is_there() || !is_there() {
        return note("neovim, or emacs with eglot, is not installed: left out");
    }
    let seed = seed("emacs");
    let mut random = StdRng::seed_from_u64(seed);
    let home = Home::with_plan(&"a line of text\n".repeat(20));
    let _hive = home.serve();
    let mut page = Page::join(3, &home.room("Trip/plan.md")).await;
    let mut vim = nvim::start(&home, seed, (NVIM, EDITS_EACH), "nvim");
    let mut emacs = start(&home, seed / 7);
    let file = home.path("Trip/plan.md");
    let text = || fs::read_to_string(&file).unwrap_or_default();
    eventually("somebody types", async || {
        page.listen(std::time::Duration::from_millis(20)).await;
        page.text().contains(char::from_u32(NVIM).unwrap())
    })
    .await;
    for tag in tags(PAGE, EDITS_EACH) {
        let length = u32::try_from(page.text().encode_utf16().count()).unwrap();
        page.edit(random.random_range(0..=length), 0, &tag.to_string()).await;
        page.listen(std::time::Duration::from_millis(random.random_range(0..16))).await;
    }
    let typed = || [NVIM, EMACS, PAGE].into_iter().flat_map(|first| tags(first, EDITS_EACH));
    let since = std::time::Instant::now();
    while since.elapsed() < PATIENCE && !typed().all(|tag| page.text().contains(tag)) {
        page.listen(std::time::Duration::from_millis(50)).await;
    }
    each_once(&page.text(), typed());
    eventually("the file has it", async || text() == page.text()).await;
    for (at, tag) in tags(SED, EDITS_EACH).enumerate() {
        // Sometimes as a new last line.
        let edit = match at % 5 {
            0 => format!("$a{tag}"),
            _ => format!("{}s/^/{tag}/", at % 15 + 2),
        };
        assert!(Command::new("sed").arg("-i").arg(edit).arg(&file).status().unwrap().success());
    }
    fs::write(home.path("stop"), tags(SED, EDITS_EACH).last().unwrap().to_string()).unwrap();
    eventually("neovim ends", async || vim.0.try_wait().unwrap().is_some()).await;
    eventually("emacs ends", async || emacs.0.try_wait().unwrap().is_some()).await;
    let last = tags(SED, EDITS_EACH).last().unwrap();
    page.until("the page has all", |page| page.text().contains(last)).await;
    let all = text();
    each_once(&all, typed().chain(tags(SED, EDITS_EACH)));
    for shown in ["nvim.txt", "emacs.txt"] {
        assert_eq!(home.text(shown), all, "{shown}: {}", home.text("emacs.log"));
    }
    assert_eq!(page.text(), all);
}

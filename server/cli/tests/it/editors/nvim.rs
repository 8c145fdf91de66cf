//! The real Neovim with its own language client.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{EDITS, SAVES, each_once, seed, tags};
use crate::world::{Home, eventually, note};

const ONE: u32 = 0x4e00;
const TWO: u32 = 0xac00;
const SED: u32 = 0x0400;

/// Types each tag at a random place, lets others in between, and saves now and then.
const DRIVE: &str = r#"
local home, seed, count, first, name = unpack(vim.split(vim.env.DRIVE, ' '))
math.randomseed(tonumber(seed))
vim.cmd('edit ' .. home .. '/Trip/plan.md')
local function is_live()
  return #vim.api.nvim_get_autocmds({ group = 'skep', buffer = 0, event = 'BufWriteCmd' }) > 0
end
vim.wait(20000, is_live, 5)
for i = 0, tonumber(count) - 1 do
  local row = math.random(vim.api.nvim_buf_line_count(0)) - 1
  local line = vim.api.nvim_buf_get_lines(0, row, row + 1, true)[1]
  local column = vim.str_byteindex(line, math.random(0, vim.str_utfindex(line)))
  local tag = vim.fn.nr2char(tonumber(first) + i)
  vim.api.nvim_buf_set_text(0, row, column, row, column, { tag })
  vim.wait(math.random(0, 15), function() return false end, 1)
  if i % 20 == 19 then vim.cmd('write') end
end
local function has_all()
  if vim.fn.filereadable(home .. '/stop') == 0 then return false end
  local last = vim.fn.readfile(home .. '/stop')[1]
  local shown = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), '\n')
  local file = table.concat(vim.fn.readfile(home .. '/Trip/plan.md'), '\n')
  return shown:find(last, 1, true) ~= nil and shown == file
end
vim.wait(60000, has_all, 10)
vim.cmd('write')
local lines = vim.api.nvim_buf_get_lines(0, 0, -1, true)
vim.fn.writefile(lines, home .. '/' .. name .. '.txt')
vim.cmd('qa!')
"#;

pub(super) struct Nvim(pub(super) Child);

impl Drop for Nvim {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub(super) fn is_there() -> bool {
    Command::new("nvim").arg("--version").stdout(Stdio::null()).status().is_ok()
}

pub(super) fn start(home: &Home, seed: u64, tags: (u32, u32), name: &str) -> Nvim {
    let setup = home.skep(&["editor", "setup", "nvim"]);
    assert_eq!(setup.code, 0, "{setup:?}");
    fs::write(home.path("skep.lua"), setup.out).unwrap();
    fs::write(home.path("drive.lua"), DRIVE).unwrap();
    let root: PathBuf = home.path("");
    let (first, count) = tags;
    let drive = format!("{} {} {count} {first} {name}", root.display(), seed % 1_000_000);
    let log = fs::File::create(home.path(&format!("{name}.log"))).unwrap();
    let child = Command::new("nvim")
        .args(["--headless", "-u", "NONE", "-i", "NONE", "-n"])
        .args(["-c", "luafile skep.lua", "-c", "luafile drive.lua"])
        .current_dir(root)
        .env("SKEP_HOME", &home.hive)
        .env("HOME", home.path("person"))
        .env("DRIVE", drive)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    Nvim(child)
}

/// Two Neovims type at once all over the file; then a program saves it, again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_neovims_and_sed_edit_one_file() {
    if !is_there() {
        return note("neovim is not installed: left out");
    }
    let seed = seed("neovim");
    let home = Home::with_plan(&"a line of text\n".repeat(20));
    let _hive = home.serve();
    home.skep(&["share", home.path("Trip").to_str().unwrap()]).is(0, "/l/");
    let mut editors =
        [start(&home, seed, (ONE, EDITS), "one"), start(&home, seed / 7, (TWO, EDITS), "two")];
    let typed = || tags(ONE, EDITS).chain(tags(TWO, EDITS));
    let file = home.path("Trip/plan.md");
    let text = || fs::read_to_string(&file).unwrap_or_default();
    eventually("all that was typed is in the file", async || {
        let text = text();
        typed().all(|tag| text.contains(tag))
    })
    .await;
    for (at, tag) in tags(SED, SAVES).enumerate() {
        let edit = format!("{}s/^/{tag}/", at % 15 + 2);
        assert!(Command::new("sed").arg("-i").arg(edit).arg(&file).status().unwrap().success());
    }
    fs::write(home.path("stop"), tags(SED, SAVES).last().unwrap().to_string()).unwrap();
    for editor in &mut editors {
        eventually("neovim ends", async || editor.0.try_wait().unwrap().is_some()).await;
    }
    let shown = [home.text("one.txt"), home.text("two.txt")];
    each_once(&shown[0], typed().chain(tags(SED, SAVES)));
    assert_eq!(shown[0], shown[1], "{}", home.text("one.log"));
    assert_eq!(shown[0], text());
}

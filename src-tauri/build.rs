//! Lets Tauri embed its configuration, the page for failed starts and the icons.

fn main() {
    tauri_build::build();
}

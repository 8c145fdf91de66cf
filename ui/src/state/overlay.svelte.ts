// Which of the two overlays of the whole app is open.

type Name = "palette" | "help";

class Overlay {
  open: Name | undefined = $state();

  toggle(name: Name) {
    this.open = this.open === name ? undefined : name;
  }
}

export const overlay = new Overlay();

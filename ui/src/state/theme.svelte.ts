// Light, dark or as the system says; remembered in this browser.

export type Theme = "system" | "light" | "dark";

const KEY = "skep:theme";

const kept = (): Theme => {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
};

class ThemeChoice {
  choice: Theme = $state(kept());

  apply() {
    const { dataset } = document.documentElement;
    if (this.choice === "system") delete dataset.theme;
    else dataset.theme = this.choice;
  }

  set(choice: Theme) {
    this.choice = choice;
    this.apply();
    remember(KEY, choice);
  }
}

/** Storage may be forbidden; then the choice lasts as long as the page. */
export function remember(key: string, value: string) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Nothing is lost that matters.
  }
}

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export const theme = new ThemeChoice();

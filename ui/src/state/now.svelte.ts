// The present minute, for relative times that stay true while the page is open.

class Now {
  ms = $state(Date.now());

  constructor() {
    setInterval(() => (this.ms = Date.now()), 20_000);
  }
}

export const now = new Now();

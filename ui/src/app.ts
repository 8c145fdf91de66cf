// The owner's entry.

import "./style/global.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { keepShell } from "./shell";
import { theme } from "./state/theme.svelte";

theme.apply();
mount(App, { target: document.getElementById("app")! });
keepShell();

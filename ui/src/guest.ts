// The entry for whoever came by a link: small, without the owner's pages.

import "./style/global.css";
import { mount } from "svelte";
import Guest from "./Guest.svelte";
import { keepShell } from "./shell";
import { theme } from "./state/theme.svelte";

theme.apply();
mount(Guest, { target: document.getElementById("app")! });
keepShell();

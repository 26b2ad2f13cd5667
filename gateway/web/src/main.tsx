import { render } from "preact";
import { App } from "./app.tsx";
import { speakAsBefore } from "./i18n/index.ts";
import { watchLinks } from "./router.ts";
import { wearTheme } from "./ui/theme.ts";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import "./styles/conversation.css";
import "./styles/message.css";

wearTheme();
watchLinks();
const root = document.getElementById("app");
if (root) {
  await speakAsBefore();
  render(<App />, root);
}

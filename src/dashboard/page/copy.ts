/** A button that copies a line, and says that it did. */
import { button, setText } from "./dom.ts";

const SAID_MS = 2000;

export function copyButton(text: string, label: string): HTMLButtonElement {
  const element = button({ class: "copy", "aria-label": label }, () => void copy(), "Copy");
  const copy = async (): Promise<void> => {
    const said = await navigator.clipboard.writeText(text).then(
      () => "Copied",
      () => "Select it and press Ctrl-C", // the browser does not let us
    );
    setText(element, said);
    element.setAttribute("aria-label", said);
    setTimeout(() => {
      setText(element, "Copy");
      element.setAttribute("aria-label", label);
    }, SAID_MS);
  };
  return element;
}

/** Event delegation: one listener on the document serves every element, also those that htmx brings in later. */

export function on(type, selector, handle, options) {
  document.addEventListener(
    type,
    (event) => {
      const element = event.target instanceof Element ? event.target.closest(selector) : null;
      if (element) {
        handle(event, element);
      }
    },
    options,
  );
}

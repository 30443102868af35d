// Before the page's load event, so that the browser replaces this page in its history and Back
// leads to where the reader came from. Coming back later loads the page, and this script, again.
const submit = () => document.querySelector("form[data-auto-submit]")?.requestSubmit();
// A page that a browser prepares in case somebody wants it has not been opened by anybody yet.
if (document.prerendering) document.addEventListener("prerenderingchange", submit, { once: true });
else submit();

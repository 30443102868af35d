// Before the page's load event, so that the browser replaces this page in its history and Back
// leads to where the reader came from. Coming back later loads the page, and this script, again.
document.querySelector("form[data-auto-submit]")?.requestSubmit();

// A page out of the back/forward cache may show what a sign-out has ended since.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// The server doesn't know the reader's time zone; the browser does. The UTC time stays as the title.
const lang = document.documentElement.lang;
const locale = navigator.languages.find((tag) => tag.split("-")[0] === lang) ?? lang;
for (const time of document.querySelectorAll("time[datetime*=T]")) {
  time.title = time.textContent;
  time.textContent = new Date(time.dateTime).toLocaleString(locale, {
    year: "numeric",
    month: time.closest("td") ? "short" : "long",
    day: "numeric",
    hour: "numeric",
    minute: "2-digit",
    timeZoneName: "short",
  });
}

/* What the browser keeps, served at /sw.js: it hears of notifications though no page of ours is open. No build, no imports. */

self.addEventListener("push", (event) => {
  let told;
  try {
    told = event.data.json();
  } catch {
    return;
  }
  // The tag: what is sent twice is shown once.
  const shown = { body: told.body, tag: told.tag, data: { url: told.url } };
  event.waitUntil(self.registration.showNotification(told.title, shown));
});

/** Only a path of this very site is opened, whatever was sent. */
function addressOf(notification) {
  const target = new URL(notification.data?.url || "/", self.location.origin);
  return target.origin === self.location.origin ? target.href : self.location.origin;
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(addressOf(event.notification)));
});

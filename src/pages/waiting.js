// Goes on by itself once the owner has decided. Without it there is a link that looks again.
"use strict";
(() => {
  const look = async () => {
    if (document.hidden) return;
    const { status } = await fetch(location.href, { method: "HEAD", redirect: "manual" });
    const waits = status === 202;
    // As while the service is started anew: then it is asked again.
    const cannotSay = status === 429 || status >= 500;
    if (!waits && !cannotSay) location.reload();
  };
  const tryToLook = () => look().catch(() => {});
  setInterval(tryToLook, 3000);
  document.addEventListener("visibilitychange", tryToLook);
})();

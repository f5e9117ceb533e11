// Web Authentication, level 3: what a page cannot ask a browser without a script. Each form that
// asks for a passkey says where its options are; the answer is sent with the form itself.
"use strict";
(() => {
  const decode = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (byte) => byte.charCodeAt(0));
  const encode = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  const descriptors = (list) => (list ?? []).map((key) => ({ ...key, id: decode(key.id) }));

  const create = async ({ publicKey }) => {
    const user = { ...publicKey.user, id: decode(publicKey.user.id) };
    const excludeCredentials = descriptors(publicKey.excludeCredentials);
    const challenge = decode(publicKey.challenge);
    const made = await navigator.credentials.create({
      publicKey: { ...publicKey, user, challenge, excludeCredentials },
    });
    return {
      attestationObject: encode(made.response.attestationObject),
      clientDataJSON: encode(made.response.clientDataJSON),
      transports: made.response.getTransports?.() ?? [],
      made,
    };
  };

  const get = async ({ publicKey }) => {
    const allowCredentials = descriptors(publicKey.allowCredentials);
    const challenge = decode(publicKey.challenge);
    const made = await navigator.credentials.get({ publicKey: { ...publicKey, challenge, allowCredentials } });
    const { userHandle } = made.response;
    return {
      authenticatorData: encode(made.response.authenticatorData),
      clientDataJSON: encode(made.response.clientDataJSON),
      signature: encode(made.response.signature),
      userHandle: userHandle ? encode(userHandle) : null,
      made,
    };
  };

  const send = (form, more) => {
    const body = new URLSearchParams(new FormData(form));
    for (const [name, value] of Object.entries(more)) body.set(name, value);
    return fetch(form.dataset.options, { method: "POST", body, redirect: "manual" });
  };

  const hint = document.querySelector("[data-passkey-words]");
  const words = (error) => {
    if (error.name === "NotAllowedError" || error.name === "AbortError") return hint.dataset.cancelled;
    if (error.name === "InvalidStateError") return hint.dataset.known;
    return hint.dataset.failed;
  };

  const ask = async (form) => {
    const answer = await send(form, {});
    const json = (answer.headers.get("content-type") ?? "").startsWith("application/json");
    // Anything else is for the person: the form itself, sent as it is, leads there.
    if (!json) return true;
    const said = await answer.json();
    if (!answer.ok) return said.problem;
    form.elements.ceremony.value = said.ceremony;
    const ceremony = form.dataset.passkey === "create" ? create : get;
    const { made, ...response } = await ceremony(said.options);
    form.elements.credential.value = JSON.stringify({
      id: made.id,
      rawId: encode(made.rawId),
      type: made.type,
      response,
      clientExtensionResults: {},
    });
    return true;
  };

  const tell = (form, text) => {
    const problem = form.querySelector("[data-problem]");
    problem.textContent = text;
    problem.hidden = !text;
  };

  const begin = async (form) => {
    const button = form.querySelector("button");
    tell(form, "");
    button.disabled = true;
    const outcome = await ask(form).catch(words);
    button.disabled = false;
    if (outcome === true) return form.submit();
    tell(form, outcome);
    // A cancelled ceremony leaves nothing behind.
    if (form.elements.ceremony.value) await send(form, { cancel: "yes" }).catch(() => {});
    form.elements.ceremony.value = "";
  };

  if (!window.PublicKeyCredential) {
    hint.textContent = hint.dataset.unsupported;
    return;
  }
  hint.hidden = true;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      begin(form);
    });
  }
})();

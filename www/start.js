// Asks the server what it knows of this very request, and shows it.
const labels = {
  protocol: "Protocol", cipher: "Cipher", scheme: "Scheme", host: "Host asked for", address: "Server address", client: "Your address",
  server: "Server", python: "Python", system: "System", poller: "Poller",
};

function show(facts) {
  const rows = Object.entries(labels).map(([name, label]) => {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    const value = document.createElement("dd");
    term.textContent = label;
    value.textContent = facts[name] ?? "none";
    row.append(term, value);
    return row;
  });
  document.getElementById("facts").replaceChildren(...rows);
}

function decline() {
  document.getElementById("facts").hidden = true;
  document.getElementById("offline").hidden = false;
}

fetch("/.well-known/sws", { headers: { accept: "application/json" } })
  .then((response) => (response.ok ? response.json() : Promise.reject(new Error(response.statusText))))
  .then(show, decline);

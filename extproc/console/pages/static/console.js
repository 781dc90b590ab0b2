// Makes the pages live: time left, the queue, votes of others. Everything works without it.

const body = document.body
const ahead = Number(body.dataset.now) - Date.now() // of the server's clock
const URGENT_S = 60
const announced = document.getElementById("announced")

function say(text) {
  announced.textContent = text
}

function duration(seconds) {
  const two = (number) => String(number).padStart(2, "0")
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`
}

function tick() {
  for (const time of document.querySelectorAll("time[data-expires]")) {
    const seconds = Math.max(0, Math.floor((Number(time.dataset.expires) - Date.now() - ahead) / 1000))
    const text = duration(seconds)
    if (time.textContent !== text) time.textContent = text
    time.parentElement.classList.toggle("late", seconds < URGENT_S)
  }
}

function put(element, html) {
  const template = document.createElement("template")
  template.innerHTML = html
  const focused = element.contains(document.activeElement) ? document.activeElement : null
  const href = focused?.getAttribute("href")
  element.replaceChildren(template.content)
  const again = href && [...element.querySelectorAll("a")].find((link) => link.getAttribute("href") === href)
  if (again) again.focus({ preventScroll: true })
  tick()
}

function showQueue({ html, mine }) {
  const live = document.getElementById("live")
  const known = new Set([...live.querySelectorAll("[data-id]")].map((row) => row.dataset.id))
  put(live, html)
  const fresh = [...live.querySelectorAll("[data-id]")].filter((row) => !known.has(row.dataset.id))
  for (const row of fresh) row.classList.add("row-new")
  if (fresh.length === 1) say(`New request: ${fresh[0].querySelector(".function").textContent}`)
  if (fresh.length > 1) say(`${fresh.length} new requests`)
  const count = document.getElementById("mine")
  count.textContent = mine || ""
  count.hidden = !mine
  document.title = (mine ? `(${mine}) ` : "") + document.title.replace(/^\(\d+\) /, "")
}

function showRequest({ facts, decision }) {
  const place = document.getElementById("decision")
  const was = { ...place.firstElementChild.dataset }
  const note = document.getElementById("note")
  const kept = note && { value: note.value, focused: document.activeElement === note, at: note.selectionStart }
  put(document.getElementById("head-facts"), facts)
  put(place, decision)
  const again = document.getElementById("note")
  if (kept && again) {
    again.value = kept.value
    if (kept.focused) {
      again.focus({ preventScroll: true })
      again.setSelectionRange(kept.at, kept.at)
    }
  }
  const { state, outcome, votes } = place.firstElementChild.dataset
  if (state !== was.state) say(`This request: ${outcome}`)
  else if (votes !== was.votes) say("Somebody voted on this request")
}

function over(text) {
  const line = document.createElement("p")
  line.className = "told told-care"
  line.setAttribute("role", "alert")
  const link = document.createElement("a")
  link.href = location.href
  link.textContent = "Load it again"
  line.append(`${text} `, link)
  document.getElementById("main").prepend(line)
}

let source = null
let seen = ""

function told(show) {
  return (event) => {
    seen = event.lastEventId
    show(JSON.parse(event.data))
  }
}

function listen() {
  if (source || document.hidden) return
  const address = new URL(body.dataset.events, location.href)
  if (seen) address.searchParams.set("seen", seen)
  source = new EventSource(address)
  source.addEventListener("queue", told(showQueue))
  source.addEventListener("request", told(showRequest))
  source.addEventListener("ended", () => {
    leave()
    document.removeEventListener("visibilitychange", follow)
    over("You are not signed in any more.")
  })
  source.addEventListener("replaced", leave)
  source.addEventListener("open", () => { body.dataset.live = "yes" })
  source.addEventListener("error", () => {
    body.dataset.live = "no"
    // A broken connection is tried again by the browser; a refusal is not.
    if (source?.readyState === EventSource.CLOSED) {
      leave()
      document.removeEventListener("visibilitychange", follow)
      over("This page does not change by itself any more.")
    }
  })
}

function leave() {
  source?.close()
  source = null
  body.dataset.live = "no"
}

function follow() {
  // Browsers allow few connections to one host: a page that nobody sees does not hold one.
  if (document.hidden) leave()
  else listen()
}

tick()
setInterval(tick, 1000)
if (body.dataset.events) {
  document.addEventListener("visibilitychange", follow)
  listen()
}
// A page that the back button brings back from the browser's memory may show what only a signed-in person sees.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload()
})

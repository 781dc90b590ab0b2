// Checks of a whole page. Each returns what is wrong, as texts.
(() => {
  const parse = (color) => {
    const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number)
    return { r, g, b, a }
  }
  const over = (top, under) => {
    const mix = (name) => top[name] * top.a + under[name] * (1 - top.a)
    return { r: mix("r"), g: mix("g"), b: mix("b"), a: 1 }
  }
  const luminance = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((each) => {
      const part = each / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const ratio = (one, two) => {
    const [high, low] = [luminance(one), luminance(two)].sort((a, b) => b - a)
    return (high + 0.05) / (low + 0.05)
  }
  const ground = (element) => {
    const layers = []
    for (let each = element; each; each = each.parentElement) layers.push(parse(getComputedStyle(each).backgroundColor))
    const page = { r: 255, g: 255, b: 255, a: 1 }
    return layers.reverse().reduce((under, top) => over(top, under), page)
  }
  const shows = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0
  const unseen = (element) => element.closest(".unseen, .skip")
  const named = (element) => {
    const byId = (element.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id))
    const label = element.labels?.[0]?.textContent
    return (element.getAttribute("aria-label") || byId.map((each) => each?.textContent).join("") || label
      || element.textContent || element.title || "").trim()
  }
  const where = (element) => `${element.tagName.toLowerCase()}.${element.className} "${element.textContent.trim().slice(0, 40)}"`

  window.checks = {
    // WCAG 2.2, 1.4.3: 4.5 to 1; large text 3 to 1.
    contrast: () => {
      const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
      const wrong = new Set()
      let checked = 0
      while (texts.nextNode()) {
        const element = texts.currentNode.parentElement
        if (!texts.currentNode.textContent.trim() || !shows(element) || unseen(element)) continue
        checked += 1
        const style = getComputedStyle(element)
        const size = parseFloat(style.fontSize)
        const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
        const behind = ground(element)
        const found = ratio(over(parse(style.color), behind), behind)
        if (found < (large ? 3 : 4.5)) wrong.add(`${found.toFixed(2)} ${where(element)}`)
      }
      return checked ? [...wrong] : ["no text was checked"]
    },
    // WCAG 2.2, 1.4.11: the borders of fields 3 to 1.
    fields: () => [...document.querySelectorAll("input:not([type=hidden]), textarea, select")].filter(shows).flatMap((each) => {
      const found = ratio(parse(getComputedStyle(each).borderTopColor), ground(each.parentElement))
      return found < 3 ? [`${found.toFixed(2)} ${each.outerHTML}`] : []
    }),
    names: () => [...document.querySelectorAll("a, button, input:not([type=hidden]), textarea, select, summary, img")]
      .filter((each) => each.tagName === "IMG" ? !each.hasAttribute("alt") : !named(each)).map((each) => each.outerHTML),
    headings: () => {
      const levels = [...document.querySelectorAll("h1, h2, h3, h4")].filter(shows).map((each) => Number(each.tagName[1]))
      const skipped = levels.some((level, at) => at && level > levels[at - 1] + 1)
      return levels.filter((level) => level === 1).length === 1 && levels[0] === 1 && !skipped ? [] : [levels.join()]
    },
    landmarks: () => ["header", "main", "footer"].filter((each) => document.querySelectorAll(`body > ${each}`).length !== 1)
      .concat(document.querySelector("[aria-live=polite]") ? [] : ["no live region"])
      .concat(document.documentElement.lang ? [] : ["no language"]),
    ids: () => {
      const ids = [...document.querySelectorAll("[id]")].map((each) => each.id)
      return ids.filter((each, at) => ids.indexOf(each) !== at)
    },
    // WCAG 2.2, 2.5.8: targets of 24 by 24 pixels, but links in sentences.
    targets: () => [...document.querySelectorAll("button, nav a, .tabs a, summary, .button")].filter(shows).flatMap((each) => {
      const { width, height } = each.getBoundingClientRect()
      return unseen(each) || (width >= 24 && height >= 24) ? [] : [`${width}x${height} ${where(each)}`]
    }),
    width: () => document.documentElement.scrollWidth > innerWidth ? [`${document.documentElement.scrollWidth} > ${innerWidth}`] : [],
  }
})()

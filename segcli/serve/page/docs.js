"use strict";
// The routes of openapi.json with the fields of their bodies.

function element(name, text, parent) {
  const made = document.createElement(name);
  made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

function typeOf(schema) {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" | ");
  if (schema.prefixItems) return `[${schema.prefixItems.map(typeOf).join(", ")}]`;
  if (schema.items) return `[${typeOf(schema.items)}, …]`;
  return schema.type || "any";
}

// A text with `code` in backticks.
function describe(text, parent) {
  text.split("`").forEach((part, number) => (number % 2 ? element("code", part, parent) : parent.append(part)));
}

function showRoute(path, method, route, schemas, parent) {
  const section = element("section", "", parent), title = element("h2", "", section);
  element("b", `${method.toUpperCase()} `, title);
  title.append(path);
  element("p", route.description || route.summary || "", section);
  const reference = route.requestBody?.content?.["application/json"]?.schema?.$ref;
  if (!reference) return;
  const schema = schemas[reference.split("/").pop()];
  const table = element("table", "", section), head = element("tr", "", table);
  for (const name of ["field", "type", "default", ""]) element("th", name, head);
  for (const [name, field] of Object.entries(schema.properties)) {
    const row = element("tr", "", table);
    for (const text of [name, typeOf(field)]) element("code", text, element("td", "", row));
    element("td", schema.required?.includes(name) ? "required" : JSON.stringify(field.default ?? null), row);
    describe(field.description || "", element("td", "", row));
  }
}

fetch("/openapi.json").then((answer) => answer.json()).then((document_) => {
  const parent = document.getElementById("routes");
  parent.replaceChildren();
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const [method, route] of Object.entries(methods)) {
      showRoute(path, method, route, document_.components?.schemas || {}, parent);
    }
  }
});

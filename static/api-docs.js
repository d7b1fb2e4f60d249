// Draws the API's own document. `layout` without the top bar: nothing here is loaded from elsewhere.
SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#operations",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});

// Starts Swagger UI; what it needs stands in the page's data attributes.
"use strict";

const place = document.getElementById("api-docs");

window.SwaggerUIBundle({
  domNode: place,
  url: place.dataset.schema,
  deepLinking: true,
  displayOperationId: false,
  // Long lists are drawn only where one looks; folded, a page of subjects comes first.
  docExpansion: "none",
  filter: true,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: false,
  validatorUrl: null,
  presets: [window.SwaggerUIBundle.presets.apis],
  requestInterceptor(request) {
    // With a token the session must not speak as well; without one a change needs the proof of origin.
    if (new URL(request.url, location.href).origin === location.origin) {
      if (request.headers.Authorization) {
        request.credentials = "omit";
      } else {
        request.headers["X-CSRFToken"] = place.dataset.csrfToken;
      }
    }
    return request;
  },
});

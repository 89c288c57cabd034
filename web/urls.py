"""The pages, each module with its own addresses."""


from web import (
    api_docs,
    causes,
    checklists,
    checks,
    datasources,
    gate,
    home,
    incidents,
    item_new,
    items,
    login,
    preferences,
    profile,
    reports,
    review_steps,
    reviews,
    search,
    services,
    styleguide,
    timelines,
    tokens,
    trials,
)


app_name = "web"
urlpatterns = [
    *home.urlpatterns,
    *login.urlpatterns,
    *search.urlpatterns,
    *incidents.urlpatterns,
    *timelines.urlpatterns,
    *reviews.urlpatterns,
    *review_steps.urlpatterns,
    *causes.urlpatterns,
    *checklists.urlpatterns,
    *item_new.urlpatterns,
    *items.urlpatterns,
    *trials.urlpatterns,
    *checks.urlpatterns,
    *services.urlpatterns,
    *gate.urlpatterns,
    *reports.urlpatterns,
    *profile.urlpatterns,
    *tokens.urlpatterns,
    *datasources.urlpatterns,
    *api_docs.urlpatterns,
    *preferences.urlpatterns,
    *styleguide.urlpatterns,
]

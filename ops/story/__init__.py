"""The demo's story: two incidents of a shop, told with everything that followed, and a few smaller ones.

Moments are relative to the day of loading, so that deadlines, standings and the monthly report are alive.
"""

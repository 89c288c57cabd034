"""Who people are: users, teams, memberships, roles and the tokens that act for them."""

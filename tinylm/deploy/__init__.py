"""A bundle to a device over ssh: facts, a plan, and steps that leave the old release serving wherever they are cut."""

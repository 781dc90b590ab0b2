"""National numbers: of persons, taxpayers, the insured, drivers and companies of many countries, as one table."""

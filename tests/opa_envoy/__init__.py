"""Compare the guard with opa-envoy-plugin: the same requests and policies, through both.

``requests.yaml`` and ``policies/`` are the corpus. ``recorded.json`` has the plugin's answers, so that a machine without
the plugin can hold the guard to them; ``ledger.yaml`` names each difference with its reason. The tests are in
``tests/integration/policy/test_opa_envoy_plugin.py``. A person who has the plugin's binary (EXTPROC_OPA_ENVOY_PLUGIN, or
``opa-envoy-plugin`` on PATH) can record and compare anew::

    python -m tests.opa_envoy record                 the plugin's answers, into recorded.json
    python -m tests.opa_envoy compare                what differs, and which entry of the ledger names it
    python -m tests.opa_envoy ledger                 the tables of docs/reference/opa-envoy-plugin.md
    python -m tests.opa_envoy others FOLDER...       figures for policies that are not in the repository
    python -m tests.opa_envoy published FOLDER       the cases of the plugin's own Go tests, read from its source

==============  =======================================================================================================
``corpus``      requests as ``CheckRequest``, and policies
``plugin``      the plugin's process
``guard``       the guard's two services, in this process: embedded engine and OPA server, ext_authz and ext_proc
``outcome``     what an answer does on Envoy 1.40, in one form for all of them
``comparison``  differences, and the ledger
==============  =======================================================================================================
"""

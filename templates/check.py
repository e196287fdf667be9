rng = np.random.default_rng(0)
params = {
{% for name, drawn in params.items() %}
    "{{ name }}": np.asarray({{ drawn }}),
{% endfor %}
}
{% for name, drawn in data.items() %}
{{ name }} = {{ drawn }}
{% endfor %}
{% set given %}{% for name in data %}, {{ name }}{% endfor %}{% for name, value in scalars.items() %}, {{ name }}={{ value }}{% endfor %}{% endset %}

loss, grads = loss_and_gradients(params{{ given }})
print(f"{% trans value="{loss:.6f}" %}loss {{ value }}{% endtrans %}")
for name, entries, measured in differences(lambda moved: loss_and_gradients(moved{{ given }})[0], params):
    computed = np.array([grads[name][at] for at in entries])
    error = np.max(np.abs(computed - measured)) / max(np.max(np.abs(measured)), 1e-3)
    print(f"{% trans name="{name}", error="{error:.1e}", count="{len(entries)}" %}{{ name }}: largest difference {{ error }}, relative to its largest entry ({{ count }} entries){% endtrans %}")
    assert error < 1e-5, name

"""money that goes back: refunds and disputes; what a subscription says of itself; who opened its checkout."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change. Stamps get a weight: what was told before weighs least, but for an end, which is one for good."""
    op.execute("UPDATE member SET email_as_of = '0.' || email_as_of WHERE email_as_of != ''")
    op.execute("UPDATE member SET email = lower(email)")
    with op.batch_alter_table("member") as member:
        member.alter_column("joined_at", existing_type=sa.DateTime(), nullable=True)
    with op.batch_alter_table("subscription") as subscription:
        subscription.alter_column("status_as_of", existing_type=sa.String(300), new_column_name="as_of")
        subscription.alter_column("ended_at", existing_type=sa.DateTime(), new_column_name="ends_at")
        subscription.drop_column("plan_as_of")
        subscription.add_column(sa.Column("renews_at", sa.DateTime(), nullable=True))
        subscription.add_column(sa.Column("buyer", sa.String(60), nullable=False, server_default=""))
        subscription.add_column(sa.Column("failed_as_of", sa.String(300), nullable=False, server_default=""))
        subscription.create_index("ix_subscription_buyer", ["buyer"])
    weight = "CASE WHEN ends_at IS NULL THEN '0.' ELSE '3.' END"
    op.execute(f"UPDATE subscription SET as_of = {weight} || as_of WHERE as_of != ''")  # noqa: S608
    with op.batch_alter_table("payment") as payment:
        payment.add_column(sa.Column("kind", sa.String(20), nullable=False, server_default="payment"))
        payment.add_column(sa.Column("charge", sa.String(80), nullable=False, server_default=""))
        payment.alter_column("member_id", existing_type=sa.Integer(), nullable=True)
        payment.drop_constraint("uq_payment_provider_id", type_="unique")
        payment.create_unique_constraint("uq_payment_provider_id", ["provider_id", "kind"])
        payment.create_index("ix_payment_charge", ["charge"])
        payment.create_index("ix_payment_currency", ["currency", "at", "amount"])


def downgrade() -> None:
    """Take it back: money that went back, and customers who have bought something else, are forgotten."""
    op.execute("DELETE FROM payment WHERE kind != 'payment' OR member_id IS NULL")
    with op.batch_alter_table("payment") as payment:
        payment.drop_index("ix_payment_currency")
        payment.drop_index("ix_payment_charge")
        payment.drop_constraint("uq_payment_provider_id", type_="unique")
        payment.create_unique_constraint("uq_payment_provider_id", ["provider_id"])
        payment.alter_column("member_id", existing_type=sa.Integer(), nullable=False)
        payment.drop_column("charge")
        payment.drop_column("kind")
    op.execute("UPDATE subscription SET ends_at = NULL WHERE status != 'canceled'")
    op.execute("UPDATE subscription SET as_of = substr(as_of, 3, 12) WHERE as_of != ''")
    with op.batch_alter_table("subscription") as subscription:
        subscription.drop_index("ix_subscription_buyer")
        subscription.drop_column("failed_as_of")
        subscription.drop_column("buyer")
        subscription.drop_column("renews_at")
        subscription.add_column(sa.Column("plan_as_of", sa.String(300), nullable=False, server_default=""))
        subscription.alter_column("as_of", existing_type=sa.String(300), new_column_name="status_as_of")
        subscription.alter_column("ends_at", existing_type=sa.DateTime(), new_column_name="ended_at")
    op.execute("UPDATE subscription SET plan_as_of = status_as_of")
    op.execute("DELETE FROM member WHERE joined_at IS NULL")
    with op.batch_alter_table("member") as member:
        member.alter_column("joined_at", existing_type=sa.DateTime(), nullable=False)
    op.execute("UPDATE member SET email_as_of = substr(email_as_of, 3) WHERE email_as_of != ''")

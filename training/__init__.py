"""What is learnt from sampled answers: corpora and adapters (TALE-PT, paper section 4.2)."""
